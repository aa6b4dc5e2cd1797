/** How far each projection is, why one goes no further, and what queries answer. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Answer } from '../../src/machine/connection.ts';
import type { ProjectionStatus } from '../../src/machine/projection/status.ts';
import { nodePaths } from '../../src/server/node-paths.ts';
import { useAsked, whyOf } from '../ask.ts';
import type { Context } from '../context.ts';
import { Doing } from '../doing.tsx';
import { hashOf } from '../place.ts';
import type { Shape } from '../shape.ts';
import { ShapeForm } from '../shape-form.tsx';
import { useShapeForm } from '../shape-form-state.ts';
import { useStore } from '../store.ts';
import { ValueView } from '../value-view.tsx';
import { agoText, countText, lineOf, msText, printMs } from '../words.ts';

const againMs = 1_500;

export function ProjectionsView(context: Context): JSX.Element {
  const { remote } = context.link;
  const [asked, again] = useAsked<readonly ProjectionStatus[]>(
    'projections',
    (signal) => remote.get(nodePaths.projections, { signal, deadline: '5s' }),
    againMs,
  );
  const app = useStore(context.node.app);
  return (
    <>
      <h1 class="sr">Projections and queries</h1>
      <section class="card" aria-labelledby="projections">
        <h2 id="projections">Projections</h2>
        {asked.kind === 'asking' ? (
          <p class="faint">asking …</p>
        ) : asked.kind === 'failed' ? (
          <p class="problem">{asked.why}</p>
        ) : asked.value.length === 0 ? (
          <p class="faint">This app has no projections.</p>
        ) : (
          <ProjectionTable all={asked.value} context={context} onDone={again} />
        )}
      </section>
      {app !== null && <Queries context={context} queries={app.queries} />}
    </>
  );
}

function ProjectionTable({
  all,
  context,
  onDone,
}: {
  readonly all: readonly ProjectionStatus[];
  readonly context: Context;
  readonly onDone: () => void;
}): JSX.Element {
  return (
    <div class="scroll" role="region" aria-labelledby="projections" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col" class="count">
              partition
            </th>
            <th scope="col">updated</th>
            <th scope="col">state</th>
            <th scope="col">progress</th>
            <th scope="col" class="count">
              behind
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <ProjectionRow
              key={`${one.name} ${one.partition} ${one.codeVersion}`}
              one={one}
              context={context}
              onDone={onDone}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const looks: Readonly<Record<ProjectionStatus['kind'], string>> = {
  live: 'good',
  building: 'calm',
  absent: 'warn',
  stopped: 'bad',
};

function ProjectionRow({
  one,
  context,
  onDone,
}: {
  readonly one: ProjectionStatus;
  readonly context: Context;
  readonly onDone: () => void;
}): JSX.Element {
  const { name, partition, update, kind, progress, lag, error } = one;
  const named = new URLSearchParams({ name }).toString();
  return (
    <>
      <tr>
        <th scope="row">{name}</th>
        <td class="count">{partition}</td>
        <td>{update === 'inline' ? 'with the command' : 'behind it'}</td>
        <td>
          <span class={`badge ${looks[kind]}`}>{kind}</span>
        </td>
        <td>
          <progress max={100} value={progress.percent} aria-label={`Progress of ${name}`} />{' '}
          <span class="faint">
            {progress.percent} % · {countText(progress.revision)} / {countText(progress.ofRevision)}
          </span>
        </td>
        <td class="count">{lag.commands === 0 ? '–' : `${countText(lag.commands)}, ${printMs(lag.ms)}`}</td>
      </tr>
      {error !== null && (
        <tr>
          <td colSpan={6}>
            <p class="problem">
              {error.message} <span class="faint">at</span>{' '}
              <a
                href={hashOf('machines', {
                  machine: error.event.machine,
                  key: error.event.key,
                  at: String(error.event.version),
                })}
              >
                {error.event.machine}/{error.event.key}@{error.event.version}
              </a>
              <span class="faint">, {agoText(error.since)}</span>
            </p>
            <Doing
              context={context}
              actions={[
                { label: 'Try it again', path: `${nodePaths.retryProjection}?${named}`, surely: null },
                {
                  label: 'Go on without this event …',
                  path: `${nodePaths.skipProjectionEvent}?${named}&${eventText(error.event)}`,
                  surely: 'Its rows never have it: go on',
                },
              ]}
              onDone={onDone}
            />
          </td>
        </tr>
      )}
    </>
  );
}

const eventText = ({ machine, key, version }: NonNullable<ProjectionStatus['error']>['event']): string =>
  new URLSearchParams({ machine, key, version: String(version) }).toString();

function Queries({
  context,
  queries,
}: {
  readonly context: Context;
  readonly queries: Readonly<Record<string, Shape>>;
}): JSX.Element {
  const { about } = useStore(context.place);
  const names = Object.keys(queries);
  const [chosen, setChosen] = useState(about['query'] ?? names[0] ?? '');
  return (
    <section class="card" aria-labelledby="queries">
      <h2 id="queries">Queries</h2>
      {names.length === 0 ? (
        <p class="faint">This app has no queries.</p>
      ) : (
        <>
          <div class="field">
            <label for="query">query</label>
            <select id="query" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
              {names.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </div>
          <QueryForm key={chosen} context={context} name={chosen} shape={queries[chosen] ?? null} />
        </>
      )}
    </section>
  );
}

function QueryForm({
  context,
  name,
  shape,
}: {
  readonly context: Context;
  readonly name: string;
  readonly shape: Shape;
}): JSX.Element {
  const { value: input, isReadable, about: form, submitting } = useShapeForm(shape);
  const [answer, setAnswer] = useState<Answer<unknown> | string | null>(null);
  const ask = async (): Promise<void> => {
    try {
      setAnswer(await context.link.remote.query(name, input, { deadline: '10s' }));
    } catch (error) {
      setAnswer(whyOf(error));
    }
  };
  return (
    <form onSubmit={submitting(() => void ask())}>
      <ShapeForm legend="Input" {...form} example="" />
      <button type="submit" class="main" disabled={!isReadable}>
        Ask
      </button>
      <div aria-live="polite">
        {typeof answer === 'string' ? (
          <pre class="problem">{answer}</pre>
        ) : (
          answer !== null && (
            <>
              <p class="faint">
                {answer.ageMs === 0 ? 'of all that is committed' : `at most ${msText(answer.ageMs)} behind`}
              </p>
              <Result value={answer.value} />
            </>
          )
        )}
      </div>
    </form>
  );
}

const rowsMax = 200;

/** Rows as a table, whether they are the answer or lie in it; all else as it is. */
function Result({ value }: { readonly value: unknown }): JSX.Element {
  const rows = rowsOf(value);
  if (rows === null || rows.length === 0) return <ValueView value={value} />;
  const columns = [...new Set(rows.slice(0, rowsMax).flatMap((row) => Object.keys(row)))];
  return (
    <div class="scroll tall" role="region" aria-label="Answer" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, rowsMax).map((row, at) => (
            <tr key={at}>
              {columns.map((column) => (
                <td key={column} class={typeof row[column] === 'number' ? 'count' : 'cut'}>
                  {cellText(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > rowsMax && <p class="faint">and {countText(rows.length - rowsMax)} more</p>}
    </div>
  );
}

type Row = Readonly<Record<string, unknown>>;

function rowsOf(value: unknown): readonly Row[] | null {
  const list = Array.isArray(value) ? value : Object.values(Object(value) as Row).find((one) => Array.isArray(one));
  const isRow = (one: unknown): one is Row => typeof one === 'object' && one !== null && !Array.isArray(one);
  return Array.isArray(list) && list.every(isRow) ? list : null;
}

const cellText = (value: unknown): string => (typeof value === 'string' ? value : lineOf(value, 80));

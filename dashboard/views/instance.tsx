/** An instance through time: each of its events, the state behind it, what it changed, and where in its diagram that is. */
import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { MachineContract } from '../../src/machine/contract.ts';
import type { History, HistoryEntry } from '../../src/node/history.ts';
import { nodePaths } from '../../src/server/node-paths.ts';
import { useAsked } from '../ask.ts';
import type { Context } from '../context.ts';
import { Diagram } from '../diagram.tsx';
import { goInPlace, hashOf } from '../place.ts';
import { useStore } from '../store.ts';
import { ValueView } from '../value-view.tsx';
import { countText, exactTimeText, lineOf, whenText } from '../words.ts';

interface InstanceAbout {
  readonly context: Context;
  readonly machine: string;
  readonly id: string;
  readonly contract: MachineContract;
}

const pageSize = 100;
/** From there on it is looked at less often. */
const longVersions = 2_000;

export function Instance({ context, machine, id, contract }: InstanceAbout): JSX.Element {
  const { about } = useStore(context.place);
  const wanted = Number(about['at'] ?? 0);
  const [to, setTo] = useState(wanted > 0 ? wanted + pageSize / 2 : 0);
  const { remote } = context.link;
  const [known, setKnown] = useState<History | null>(null);
  // Its version is one look; its history is folded from the first event on.
  const [now] = useAsked<{ readonly version: number }>(
    `${machine}/${id}`,
    () => remote.read(machine, id, { maxAge: '1s' }),
    (known?.version ?? 0) > longVersions ? 10_000 : 1_000,
  );
  const query = new URLSearchParams({
    machine,
    key: id,
    limit: String(pageSize),
    ...(to > 0 ? { to: String(to) } : {}),
  });
  const [history] = useAsked<History>(`${query.toString()} ${now.kind === 'told' ? now.value.version : ''}`, (signal) =>
    remote.get(`${nodePaths.history}?${query.toString()}`, { signal }),
  );
  useEffect(() => {
    if (history.kind === 'told') setKnown(history.value);
  }, [history]);
  if (history.kind === 'failed' && known === null)
    return (
      <p class="card problem" role="alert">
        {history.why}
      </p>
    );
  if (known === null) return <p class="faint">asking …</p>;
  if (known.version === 0)
    return (
      <section class="card">
        <p>
          <b>{id}</b> was never written. It begins as:
        </p>
        <ValueView value={known.before} />
        {contract.table !== null && <Diagram name={machine} table={contract.table} current={contract.table.initial} />}
      </section>
    );
  return <Through history={known} wanted={wanted} machine={machine} id={id} contract={contract} onPage={setTo} />;
}

interface ThroughAbout extends Omit<InstanceAbout, 'context'> {
  readonly history: History;
  /** The version that is looked at; 0: the newest. */
  readonly wanted: number;
  readonly onPage: (to: number) => void;
}

function Through({ history, wanted, machine, id, contract, onPage }: ThroughAbout): JSX.Element {
  const { entries, version } = history;
  const found = entries.findIndex(({ event }) => event.version === wanted);
  const at = found < 0 ? entries.length - 1 : found;
  const entry = entries[at];
  const [first, last] = [entries[0]?.event.version ?? 1, entries.at(-1)?.event.version ?? 0];
  const look = (to: number): void => {
    if (to < 1 || to > version) return;
    if (to < first || to > last) onPage(Math.min(version, to + pageSize / 2));
    goInPlace('machines', { machine, key: id, at: to === version ? undefined : String(to) });
  };
  useSteps(entry?.event.version ?? version, look);
  if (entry === undefined) return <p class="faint">There is no event there.</p>;
  const before = at === 0 ? history.before : entries[at - 1]?.state;
  const current = stateName(entry.state);
  return (
    <div class="columns">
      <section class="card column" aria-labelledby="history">
        <h2 id="history">
          {id} <span class="faint">· {countText(version)} events</span>
        </h2>
        <Stepper version={version} at={entry.event.version} onLook={look} />
        <ol class="history" aria-label="Events">
          {entries.toReversed().map((one) => (
            <HistoryRow key={one.event.version} entry={one} isShown={one === entry} onLook={look} />
          ))}
        </ol>
        {first > 1 && (
          <button type="button" class="small" onClick={() => look(first - 1)}>
            Older
          </button>
        )}
      </section>
      <div class="column wide">
        <section class="card" aria-labelledby="state">
          <h2 id="state">
            State behind version {entry.event.version}
            {entry.event.version === version && <span class="badge good">now</span>}
          </h2>
          <ValueView value={entry.state} before={before} />
        </section>
        <EventCard entry={entry} />
        {contract.table !== null && (
          <section class="card" aria-labelledby="where">
            <h2 id="where">Where it is</h2>
            <Diagram name={machine} table={contract.table} current={current} before={stateName(before)} />
          </section>
        )}
      </div>
    </div>
  );
}

/** Of a table. */
function stateName(state: unknown): string | null {
  const { at } = Object(state) as { readonly at?: unknown };
  return typeof at === 'string' ? at : null;
}

/** [ and ] go from event to event. */
function useSteps(at: number, onLook: (version: number) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      if (event.key === '[') onLook(at - 1);
      if (event.key === ']') onLook(at + 1);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });
}

function Stepper({
  version,
  at,
  onLook,
}: {
  readonly version: number;
  readonly at: number;
  readonly onLook: (version: number) => void;
}): JSX.Element {
  return (
    <div class="row stepper">
      <button type="button" class="small" disabled={at <= 1} onClick={() => onLook(at - 1)} aria-label="One event back">
        ◂
      </button>
      <input
        type="range"
        min={1}
        max={version}
        value={at}
        aria-label="Version"
        onInput={(event) => onLook(Number(event.currentTarget.value))}
      />
      <button
        type="button"
        class="small"
        disabled={at >= version}
        onClick={() => onLook(at + 1)}
        aria-label="One event on"
      >
        ▸
      </button>
      <output class="mono">
        {at} / {version}
      </output>
    </div>
  );
}

function HistoryRow({
  entry,
  isShown,
  onLook,
}: {
  readonly entry: HistoryEntry;
  readonly isShown: boolean;
  readonly onLook: (version: number) => void;
}): JSX.Element {
  const { version, type, data, at } = entry.event;
  return (
    <li>
      <button type="button" aria-current={isShown ? 'step' : undefined} onClick={() => onLook(version)}>
        <span class="mono faint">{version}</span>
        <b>{String(type)}</b>
        <span class="mono cut data">{lineOf(data, 80)}</span>
        <time class="faint" dateTime={at.toISOString()} title={exactTimeText(at)}>
          {whenText(at)}
        </time>
      </button>
    </li>
  );
}

function EventCard({ entry: { event } }: { readonly entry: HistoryEntry }): JSX.Element {
  const { type, data, at, actor, commandId, correlationId, causationId, trace } = event;
  const facts: readonly (readonly [string, string | null])[] = [
    ['at', exactTimeText(at)],
    ['by', actor],
    ['command', commandId],
    ['because of', causationId],
    ['correlation', correlationId === commandId ? null : correlationId],
    ['trace', trace],
  ];
  return (
    <section class="card" aria-labelledby="event">
      <h2 id="event">{String(type)}</h2>
      <dl class="facts">
        {facts.map(([name, fact]) =>
          fact === null ? null : (
            <>
              <dt>{name}</dt>
              <dd class="mono">{linkTo(fact)}</dd>
            </>
          ),
        )}
      </dl>
      {data !== undefined && data !== null && <ValueView value={data} />}
    </section>
  );
}

/** `MACHINE/KEY@VERSION` names an event of another instance. */
function linkTo(fact: string): JSX.Element | string {
  const [, machine, key, at] = /^([A-Za-z][\w-]*)\/(.+)@(\d+)$/.exec(fact) ?? [];
  return machine === undefined ? fact : <a href={hashOf('machines', { machine, key, at })}>{fact}</a>;
}

/** How the node does: how much, how fast, how far, what waits, and what happens. */
import type { JSX } from 'preact';
import type { Wait } from '../../src/observe/waits.ts';
import type { ToldPartition } from '../../src/server/node-handler.ts';
import { Chart, type ChartAbout } from '../chart.tsx';
import type { Context } from '../context.ts';
import { EventTable } from '../event-table.tsx';
import { sumOf } from '../readings.ts';
import { useStore } from '../store.ts';
import type { SampleOrGap } from '../watch-node.ts';
import { agoText, countText, msText, printMs, rateText } from '../words.ts';

const rate = (value: number | null): string => (value === null ? '–' : rateText(value));

const usual = ['committed', 'rejected'];

const commandsChart: ChartAbout = {
  title: 'Commands a second',
  print: rate,
  lines: [
    { label: 'committed', of: ({ commands }) => commands.get('committed') ?? 0 },
    { label: 'rejected', of: ({ commands }) => commands.get('rejected') ?? 0 },
    {
      label: 'other',
      of: ({ commands }) => sumOf(new Map([...commands].filter(([outcome]) => !usual.includes(outcome)))),
    },
  ],
};

const latencyChart: ChartAbout = {
  title: 'From sending to outcome',
  print: msText,
  lines: [
    { label: 'p50', of: ({ p50 }) => p50 },
    { label: 'p99', of: ({ p99 }) => p99 },
  ],
};

const eventsChart: ChartAbout = {
  title: 'Events a second',
  print: rate,
  lines: [{ label: 'all', of: ({ events }) => sumOf(events) }],
};

const codesShown = 3;

/** The codes that came most, over all that is shown. */
function rejectionsChart(samples: readonly SampleOrGap[]): ChartAbout {
  const sums = new Map<string, number>();
  for (const sample of samples)
    if (!('gap' in sample))
      for (const [code, perSecond] of sample.rejections) sums.set(code, (sums.get(code) ?? 0) + perSecond);
  const most = [...sums].toSorted(([, a], [, b]) => b - a).map(([code]) => code);
  const shown = most.slice(0, codesShown);
  const others = most.slice(codesShown);
  const lines = shown.map(
    (code) => ({ label: code, of: ({ rejections }) => rejections.get(code) ?? 0 }) satisfies Line,
  );
  const rest: Line = {
    label: 'others',
    of: ({ rejections }) => others.reduce((sum, code) => sum + (rejections.get(code) ?? 0), 0),
  };
  const none: Line = { label: 'none so far', of: () => 0 };
  return {
    title: 'Rejections a second',
    print: rate,
    lines: most.length === 0 ? [none] : others.length > 0 ? [...lines, rest] : lines,
  };
}

type Line = ChartAbout['lines'][number];

export function Overview({ node, look }: Context): JSX.Element {
  const samples = useStore(node.samples);
  const partitions = useStore(node.partitions);
  const waits = useStore(node.waits);
  const events = useStore(node.events);
  return (
    <>
      <h1 class="sr">Overview</h1>
      <div class="charts">
        {[commandsChart, latencyChart, eventsChart, rejectionsChart(samples)].map((about) => (
          <Chart key={about.title} about={about} samples={samples} theme={look} />
        ))}
      </div>
      <div class="columns">
        <div class="column">
          <PartitionTable partitions={partitions} />
          <WaitList waits={waits} />
        </div>
        <section class="card column wide" aria-labelledby="newest">
          <h2 id="newest">Newest events</h2>
          <EventTable events={events} />
        </section>
      </div>
    </>
  );
}

function PartitionTable({ partitions }: { readonly partitions: readonly ToldPartition[] | null }): JSX.Element {
  return (
    <section class="card" aria-labelledby="partitions">
      <h2 id="partitions">Partitions</h2>
      {partitions === null ? (
        <p class="faint">asking …</p>
      ) : (
        <div class="scroll" role="region" aria-labelledby="partitions" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">#</th>
                <th scope="col">state</th>
                <th scope="col" class="count">
                  <abbr title="newest durable revision">revision</abbr>
                </th>
                <th scope="col" class="count">
                  <abbr title="place in the log of the newest record that is durable here">position</abbr>
                </th>
                <th scope="col" class="count">
                  <abbr title="revisions that are here and not durable yet">lag</abbr>
                </th>
                <th scope="col">
                  <abbr title="hash over all records up to the position: equal chains are equal logs">chain</abbr>
                </th>
                <th scope="col">
                  <abbr title="comparison of the stored state with its sum in the log">last scrub</abbr>
                </th>
                <th scope="col">leader</th>
              </tr>
            </thead>
            <tbody>
              {partitions.map((one) => (
                <PartitionRow key={one.index} partition={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function PartitionRow({ partition }: { readonly partition: ToldPartition }): JSX.Element {
  const { index, kind, revision, position, undurable, chain, scrub, leader, failure, checkpointFailure } = partition;
  const problem = failure ?? checkpointFailure;
  return (
    <>
      <tr>
        <th scope="row">{index}</th>
        <td>
          <span class={`badge ${kind === 'leading' ? 'good' : kind === 'following' ? 'calm' : 'bad'}`}>{kind}</span>
        </td>
        <td class="count">{countText(revision)}</td>
        <td class="count">{countText(position)}</td>
        <td class="count">{countText(undurable)}</td>
        <td class="mono" title={chain ?? ''}>
          {chain === null ? '–' : chain.slice(0, 8)}
        </td>
        <td>{scrubText(scrub)}</td>
        <td class="mono cut" title={leader ?? ''}>
          {leader ?? 'nobody'}
        </td>
      </tr>
      {problem !== null && (
        <tr>
          <td colSpan={8} class="problem">
            {problem}
          </td>
        </tr>
      )}
    </>
  );
}

function scrubText(scrub: ToldPartition['scrub']): string {
  if (scrub === null) return 'none yet';
  const came = scrub.agreed === null ? 'not compared here' : scrub.agreed ? 'agreed' : 'differs';
  return `${came}, ${agoText(new Date(scrub.atMs))}`;
}

const waitsShown = 20;

function WaitList({ waits }: { readonly waits: readonly Wait[] | null }): JSX.Element {
  const now = new Date();
  return (
    <section class="card" aria-labelledby="waits">
      <h2 id="waits">
        What waits {waits !== null && waits.length > 0 && <span class="badge calm">{countText(waits.length)}</span>}
      </h2>
      {waits === null ? (
        <p class="faint">asking …</p>
      ) : waits.length === 0 ? (
        <p class="faint">Nothing waits.</p>
      ) : (
        <ul class="waits">
          {waits.slice(0, waitsShown).map((wait, at) => (
            <li key={at}>
              <b>{wait.what}</b> <span class="mono">{wait.key}</span> waits for {wait.waitsFor}
              {wait.heldBy !== null && (
                <>
                  , held by <span class="mono">{wait.heldBy}</span>
                </>
              )}
              <span class="faint">
                {' '}
                · for {printMs(Math.max(0, now.getTime() - wait.since.getTime()))}
                {deadlineText(wait.deadline, now)}
              </span>
            </li>
          ))}
          {waits.length > waitsShown && <li class="faint">and {countText(waits.length - waitsShown)} more</li>}
        </ul>
      )}
    </section>
  );
}

function deadlineText(deadline: Date | null, now: Date): string {
  if (deadline === null) return ', no deadline';
  const leftMs = deadline.getTime() - now.getTime();
  return leftMs < 0 ? `, overdue by ${printMs(-leftMs)}` : `, ${printMs(leftMs)} left`;
}

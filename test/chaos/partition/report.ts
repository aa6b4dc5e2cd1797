/** What a chaos of partitions came to, in figures and one sentence. */
import type { PartitionChaosResult } from './run.ts';

export const hasPassed = ({ verdict, complaints }: PartitionChaosResult): boolean =>
  verdict.problems.length === 0 && complaints.length === 0;

const linesMax = 10;

export function printPartitionResult(result: PartitionChaosResult): string {
  const { faults, verdict, counts, silenceMs, readyMs, nodes, complaints } = result;
  const { numbers, histories } = verdict;
  const countOf = (what: string): number => counts.get(what) ?? 0;
  const reads = ['linearizable', 'transact', 'at-least', 'stale'].map((how) => `${how} ${countOf(`read ${how}`)}`);
  const lives = nodes.map(
    ({ name, lives: count, ownEnds }) => `${name} ${count}${ownEnds > 0 ? ` (${ownEnds} by itself)` : ''}`,
  );
  const lines: readonly (readonly [string, string])[] = [
    ['faults', readyMs.length === 0 ? countsOf(faults.map(({ kind }) => kind)) : printRestarts(readyMs)],
    ['lives', lives.join(', ')],
    ['commands', printNumbers(numbers, ['commands', 'acknowledged', 'denied', 'unknown'])],
    ['in the state', printNumbers(numbers, ['lost', 'doubled', 'deniedAndDone', 'unknownAndDone'])],
    ['keys', histories.keys],
    ['lists', histories.lists],
    ['reads', reads.join(', ')],
    [
      'bank',
      `${countOf('transfers')} transfers, ${countOf('transfers rejected')} rejected, ${countOf('balances read')} times read`,
    ],
    [
      'leases',
      `${countOf('lease held')} held, ${countOf('fenced')} writes fenced, ${countOf('refused by the store')} refused by the store`,
    ],
    ['timers', printNumbers(numbers, ['timers', 'fired'])],
    ['channels', printNumbers(numbers, ['messages'])],
    ['silence', `${(silenceMs / 1_000).toFixed(1)} s at most without an acknowledgement`],
  ];
  return [
    ...lines.map(([name, text]) => `  ${name.padEnd(14)}${text}`),
    ...section('problem', verdict.problems),
    ...section('complaint', complaints),
    '',
    hasPassed(result)
      ? 'PASSED: nothing lost, nothing done twice, nothing out of order'
      : `FAILED: ${verdict.problems.length} problems, ${complaints.length} complaints`,
  ].join('\n');
}

function printRestarts(readyMs: readonly number[]): string {
  const sorted = readyMs.toSorted((a, b) => a - b).map((ms) => Math.round(ms));
  const [median, most] = [sorted[sorted.length >> 1], sorted.at(-1)];
  return `${sorted.length} kills with SIGKILL; acknowledging again after ${median} ms in the middle, ${most} ms at most`;
}

const printNumbers = (numbers: Readonly<Record<string, number>>, names: readonly string[]): string =>
  names.map((name) => `${numbers[name] ?? 0} ${words[name] ?? name}`).join(', ');
const words: Readonly<Record<string, string>> = {
  deniedAndDone: 'denied and done',
  unknownAndDone: 'unknown and done',
};

function section(title: string, lines: readonly string[]): readonly string[] {
  const shown = lines.slice(0, linesMax).map((line) => `  ${title}: ${line}`);
  return lines.length <= linesMax ? shown : [...shown, `  … and ${lines.length - linesMax} more`];
}

function countsOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}

/** What a chaos of machines came to, in figures and one sentence. */
import { hasPassed, type MachineChaosResult } from './run.ts';

const linesMax = 10;

export function printMachineResult(result: MachineChaosResult): string {
  const { verdict, ledger, readyMs, complaints } = result;
  const { events, lost, doubled, messages, deadlines, replayed } = verdict.numbers;
  const told = (['acknowledged', 'rejected', 'denied', 'unknown'] as const).map(
    (kind) => `${ledger.countOf(kind)} ${kind}`,
  );
  const lines: readonly (readonly [string, string])[] = [
    ['kills', printReady(readyMs)],
    [
      'commands',
      `${ledger.commands.size}: ${told.join(', ')}; ${ledger.countOf('repeated')} answered when they came again`,
    ],
    ['in the streams', `${events} events, ${lost} lost, ${doubled} doubled`],
    ['messages', `${messages} sent, each received once`],
    ['deadlines', `${deadlines} passed`],
    ['rows', `${ledger.countOf('row read')} read by the token of what was just written`],
    ['reader', `${ledger.seen.length} events`],
    ['replay', `${replayed} states are what their events make`],
    ['silence', `${(ledger.silenceMs / 1_000).toFixed(1)} s at most without an acknowledgement`],
  ];
  const failures = [...verdict.problems, ...complaints];
  return [
    ...lines.map(([name, text]) => `  ${name.padEnd(16)}${text}`),
    ...failures.slice(0, linesMax).map((line) => `  problem: ${line}`),
    ...(failures.length > linesMax ? [`  and ${failures.length - linesMax} more`] : []),
    '',
    hasPassed(result) ? 'PASSED: nothing lost, nothing done twice' : `FAILED: ${failures.length} problems`,
  ].join('\n');
}

function printReady(readyMs: readonly number[]): string {
  const sorted = readyMs.toSorted((a, b) => a - b).map((ms) => Math.round(ms));
  const [median, most] = [sorted[sorted.length >> 1], sorted.at(-1)];
  return `${sorted.length} with SIGKILL; acknowledging again after ${median} ms in the middle, ${most} ms at most`;
}

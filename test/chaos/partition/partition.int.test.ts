/** Some seconds of what `npm run chaos -- partition` does for as long as it is told, over a log in files. */
import { expect, test } from 'vitest';
import type { Fault } from '../engines/schedule.ts';
import { hasPassed, printPartitionResult } from './report.ts';
import { runPartitionChaos } from './run.ts';

const kill = (target: string, atMs: number): Fault => ({
  kind: 'kill-process',
  target,
  atMs,
  forMs: 100,
  direction: 'both',
  delayMs: 0,
});

test('file: whoever leads is killed, the next takes the logs over, and clients lose nothing', async () => {
  // Whoever has the logs is among them, and whoever has them next.
  const faults = [kill('node-1', 300), kill('node-2', 900), kill('node-3', 1_500), kill('node-1', 2_100)];
  const untilCounted = ['read linearizable', 'read at-least', 'lease held', 'balances read'];
  const options = { over: 'file', seed: 'test', faultsMs: 2_200, faults, untilCounted, onLine: () => {} } as const;
  const result = await runPartitionChaos(options);
  expect(hasPassed(result), printPartitionResult(result)).toBe(true);
  expect(result.nodes.map(({ lives }) => lives)).toEqual([3, 2, 2]);
  const { numbers } = result.verdict;
  for (const what of ['acknowledged', 'messages', 'fired']) expect(numbers[what], what).toBeGreaterThan(0);
  for (const what of untilCounted) expect(result.counts.get(what), what).toBeGreaterThan(0);
});

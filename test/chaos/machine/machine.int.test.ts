/** A few lives of what `npm run chaos -- machine` kills a hundred times. */
import { expect, test } from 'vitest';
import { printMachineResult } from './report.ts';
import { hasPassed, runMachineChaos } from './run.ts';

test('a process that has machines is killed under load, and nothing is lost or doubled', async () => {
  const result = await runMachineChaos({ seed: 'test', restarts: 2, onLine: () => {} });
  expect(hasPassed(result), printMachineResult(result)).toBe(true);
  expect(result.readyMs.length).toBe(2);
  const { numbers } = result.verdict;
  for (const what of ['events', 'messages', 'deadlines', 'replayed'] as const)
    expect(numbers[what], what).toBeGreaterThan(0);
  expect(result.ledger.countOf('row read')).toBeGreaterThan(0);
});

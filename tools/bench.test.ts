/** Benchmarks cannot rot: every suite runs here at its smallest, and the harness is held to what it promises. */
import { expect, test } from 'vitest';
import { measure, median, type Row, type Side } from '../bench/harness.ts';
import { openSuite, printRow, suiteNames } from '../bench/run.ts';

test.each(suiteNames())('bench/%s.bench.ts runs, and each side does the same work each time', async (name) => {
  const suite = await openSuite(name);
  const rows = await suite.rows({ quick: true });
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(printRow(await measure(row, { quick: true }))).toContain(row.name);
});

const row = (sides: readonly Side[], changes: Partial<Row> = {}): Row => ({
  name: 'sum',
  unit: 'number',
  operations: 10,
  reference: 'a',
  sides,
  ...changes,
});
const constant = (name: string, checksum: number): Side => ({ name, prepare: () => () => checksum });

test('sides alternate, at least five runs each after a warm-up, and each round begins one side further', async () => {
  const runs: string[] = [];
  const side = (name: string): Side => ({ name, prepare: () => () => (runs.push(name), 0) });
  const result = await measure(row([side('a'), side('b')], { rounds: 2 }), { quick: false });
  expect(runs.join('')).toBe('ab' + 'ab' + 'ba' + 'ab' + 'ba' + 'ab');
  expect(result.sides.map((one) => one.runMs.length)).toEqual([5, 5]);
});

test('a side whose work differs from run to run is refused, and so are sides that should agree and do not', async () => {
  let count = 0;
  const growing: Side = { name: 'a', prepare: () => () => count++ };
  await expect(measure(row([growing]), { quick: true })).rejects.toThrow('different work');
  const sides = [constant('a', 1), constant('b', 2)];
  await expect(measure(row(sides, { checksums: 'equal' }), { quick: true })).rejects.toThrow('different work');
  await expect(measure(row(sides), { quick: true })).resolves.toMatchObject({ name: 'sum' });
});

test('a row names a side that it has as its reference', async () => {
  await expect(measure(row([constant('b', 1)]), { quick: true })).rejects.toThrow("'a' as its reference");
});

test('what was prepared is closed, also when a run throws', async () => {
  let closed = 0;
  const failing = () => Promise.reject(new Error('broken'));
  const side: Side = { name: 'a', prepare: () => ({ run: failing, close: () => void closed++ }) };
  await expect(measure(row([side]), { quick: true })).rejects.toThrow('broken');
  expect(closed).toBe(1);
});

test('a goal is judged in full runs only, from the results by name', async () => {
  const goal = {
    says: 'at least one',
    met: (results: ReadonlyMap<string, { checksum: number }>) => results.get('a')?.checksum === 1,
  };
  const full = await measure(row([constant('a', 1)], { goal }), { quick: false });
  expect(full.goal).toEqual({ says: 'at least one', met: true });
  expect((await measure(row([constant('a', 1)], { goal }), { quick: true })).goal).toBeUndefined();
});

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

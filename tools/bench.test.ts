/** Benchmarks cannot rot: every suite runs here at its smallest, and the harness is held to what it promises. */
import { expect, test } from 'vitest';
import { measure, median, percentile, type Row, type Side } from '../bench/harness.ts';
import { judge } from '../bench/ratios.ts';
import { openSuite, printRow, suiteNames } from '../bench/run.ts';

test.each(suiteNames())(
  'bench/%s.bench.ts runs, and each side does the same work each time',
  async (name) => {
    const suite = await openSuite(name);
    const rows = await suite.rows({ quick: true });
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(printRow(await measure(row, { quick: true }))).toContain(row.name);
  },
  60_000,
); // some start servers; the suite's budget stays as it is

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

const timed = (name: string, ms: number): Side => ({
  name,
  prepare: () => () => ({ checksum: 1, latenciesMs: Float64Array.of(ms, 9, ms / 2), bytes: 1_000 }),
});

test('percentiles are of each run, then their median; bytes become a rate', async () => {
  const result = await measure(row([timed('a', 2)]), { quick: true });
  expect(result.sides[0]).toMatchObject({ p50Ms: 2, p99Ms: 9 });
  expect(result.sides[0]?.bytesPerSecond).toBeGreaterThan(0);
  expect(percentile(Float64Array.of(1, 2, 3, 4), 0.5)).toBe(2);
  expect((await measure(row([constant('a', 1)]), { quick: true })).sides[0]).toMatchObject({
    p50Ms: null,
    bytesPerSecond: null,
  });
});

test('a ratio is one side by the best of the others, and null where none was measured', async () => {
  const result = await measure(row([timed('a', 2), timed('b', 4), timed('c', 8)]), { quick: true });
  const ratio = { name: 'x', row: 'sum', of: 'a', to: ['b', 'c'], figure: 'p50Ms', bar: { atMost: 0.4 } } as const;
  expect(judge([ratio], [result])).toEqual([{ name: 'x', value: 0.5, bar: 'at most 0.4', aim: null, met: false }]);
  expect(judge([{ ...ratio, to: ['gone'] }], [result])[0]).toMatchObject({ value: null, met: null });
  expect(() => judge([{ ...ratio, row: 'gone' }], [result])).toThrow("names the row 'gone'");
});

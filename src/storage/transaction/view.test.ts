/** A view against a plain map: own writes on top of one revision, walks as of their beginning, whatever others write. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decoded, encoded, keyNames, treeInWorld, type CoreTree } from '../../../test/models/core-tree.ts';
import type { Scan, ScanOptions } from '../scan.ts';
import { ReadSet } from './read-set.ts';
import { TransactionView } from './view.ts';

const key = fc.constantFrom(...keyNames);
const bounds = fc.record({
  from: fc.option(key, { nil: undefined }),
  to: fc.option(key, { nil: undefined }),
  prefix: fc.constantFrom<(string | undefined)[]>(undefined, undefined, 'a', 'b/'),
  reverse: fc.boolean(),
  limit: fc.constantFrom(undefined, undefined, 0, 1, 3),
});
type Range = typeof bounds extends fc.Arbitrary<infer T> ? T : never;

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('get' as const), key }),
    fc.record({ kind: fc.constantFrom('put' as const, 'other' as const), key, value: fc.string({ maxLength: 5 }) }),
    fc.record({ kind: fc.constantFrom('delete' as const, 'otherDelete' as const), key }),
    fc.record({ kind: fc.constantFrom('deleteRange' as const, 'otherRange' as const), key, to: key }),
    fc.record({ kind: fc.constant('open' as const), bounds }),
    fc.record({ kind: fc.constant('step' as const), which: fc.nat(3), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('seal' as const) }),
  ),
  { maxLength: 60 },
);
const history = fc.array(fc.tuple(key, fc.option(fc.string({ maxLength: 4 }), { nil: null })), { maxLength: 30 });

/** What a walk must show. */
function expectedOf(state: ReadonlyMap<string, string>, { from, to, prefix = '', reverse, limit }: Range): string[] {
  const within = [...state].filter(
    ([name]) => (from === undefined || name >= from) && (to === undefined || name < to) && name.startsWith(prefix),
  );
  const sorted = within.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`);
  return (reverse ? sorted.toReversed() : sorted).slice(0, limit ?? Infinity);
}

const optionsOf = ({ from, to, prefix, reverse, limit }: Range): ScanOptions => ({
  from: from === undefined ? undefined : encoded(from),
  to: to === undefined ? undefined : encoded(to),
  prefix: prefix === undefined ? undefined : encoded(prefix),
  reverse,
  limit,
});

const readOf = (scan: Scan, count: number): string[] =>
  Array.from({ length: count }, () => scan.next())
    .filter(({ done }) => done !== true)
    .map(({ value }) => `${decoded(value?.[0])}=${decoded(value?.[1])}`);

function play(tree: CoreTree, before: typeof history extends fc.Arbitrary<infer T> ? T : never, all: StepsOf): void {
  for (const [name, value] of before)
    tree.commit(
      (batch) => void (value === null ? batch.delete(encoded(name)) : batch.put(encoded(name), encoded(value))),
    );
  const state = new Map(tree.state);
  const reads = new ReadSet();
  using view = new TransactionView(tree.core, tree.core.revision, reads);
  const walks: { scan: Scan; left: string[] }[] = [];
  for (const step of all) {
    if (step.kind === 'get') {
      expect(decoded(view.get(encoded(step.key)))).toBe(state.get(step.key));
    } else if (step.kind === 'put') {
      view.put(encoded(step.key), encoded(step.value));
      state.set(step.key, step.value);
    } else if (step.kind === 'delete') {
      view.delete(encoded(step.key));
      state.delete(step.key);
    } else if (step.kind === 'deleteRange') {
      if (step.key >= step.to) continue;
      view.deleteRange(encoded(step.key), encoded(step.to));
      for (const name of [...state.keys()]) if (name >= step.key && name < step.to) state.delete(name);
    } else if (step.kind === 'open') {
      if (walks.length < 4)
        walks.push({ scan: view.range(optionsOf(step.bounds)), left: expectedOf(state, step.bounds) });
    } else if (step.kind === 'step') {
      const walk = walks[step.which];
      if (walk !== undefined) expect(readOf(walk.scan, step.count)).toEqual(walk.left.splice(0, step.count));
    } else if (step.kind === 'seal') tree.core.seal();
    else if (step.kind === 'other') tree.commit((batch) => void batch.put(encoded(step.key), encoded(step.value)));
    else if (step.kind === 'otherDelete') tree.commit((batch) => void batch.delete(encoded(step.key)));
    else if (step.kind === 'otherRange' && step.key < step.to)
      tree.commit((batch) => void batch.deleteRange(encoded(step.key), encoded(step.to)));
  }
  for (const { scan, left } of walks) expect(readOf(scan, left.length + 2)).toEqual(left);
  expect(readOf(view.range(), 100)).toEqual(expectedOf(state, whole));
  expect(readOf(view.range({ reverse: true }), 100)).toEqual(expectedOf(state, { ...whole, reverse: true }));
}
type StepsOf = typeof steps extends fc.Arbitrary<infer T> ? T : never;
const whole: Range = { from: undefined, to: undefined, prefix: undefined, reverse: false, limit: undefined };

test('reads, own writes and open walks are as a map has them', async () => {
  await treeInWorld(async (open) => {
    await fc.assert(
      fc.asyncProperty(history, steps, async (before, all) => {
        const tree = await open();
        play(tree, before, all);
        await tree.close();
      }),
      { numRuns: 400 },
    );
  });
});

test('an index of many own writes shows the same as the few before it', async () => {
  await treeInWorld(async (open) => {
    const tree = await open();
    tree.commit((batch) => batch.put(encoded('k00'), encoded('old')));
    const view = new TransactionView(tree.core, tree.core.revision, null);
    for (let count = 0; count < 40; count++) {
      view.put(encoded(`k${String(count % 20).padStart(2, '0')}`), encoded(`${count}`));
      expect(decoded(view.get(encoded(`k${String(count % 20).padStart(2, '0')}`)))).toBe(`${count}`);
      if (count === 19) view.deleteRange(encoded('k05'), encoded('k10'));
    }
    view.delete(encoded('k19'));
    expect(view.get(encoded('k19'))).toBeUndefined();
    expect([...view.range()].length).toBe(19);
    expect(view.writes.count).toBe(42);
    view[Symbol.dispose]();
    await tree.close();
  });
});

test('a view that is over, or only reads, refuses; its walks end with it', async () => {
  await treeInWorld(async (open) => {
    const tree = await open();
    tree.commit((batch) => batch.put(encoded('a'), encoded('1')).put(encoded('b'), encoded('2')));
    const view = new TransactionView(tree.core, tree.core.revision, null, undefined, true);
    expect(() => view.put(encoded('a'), encoded('2'))).toThrow(/only reads/);
    const scan = view.range();
    expect(decoded(scan.next().value?.[0])).toBe('a');
    const walk = view.walk({ from: null, to: null }, true);
    expect(walk.next()).toBe(true);
    expect(tree.core.activeMemtable.holders).toBe(2);
    view[Symbol.dispose]();
    expect(tree.core.activeMemtable.holders).toBe(0);
    for (const call of [
      () => view.get(encoded('a')),
      () => view.range(),
      () => view.delete(encoded('a')),
      () => scan.next(),
      () => walk.next(),
    ])
      expect(call).toThrow(/the transaction is over/);
    walk.end();
    await tree.close();
  });
});

test('what is read counts as far as it was read; too much is refused', async () => {
  await treeInWorld(async (open) => {
    const tree = await open();
    tree.commit((batch) => keyNames.forEach((name) => batch.put(encoded(name), encoded('1'))));
    const reads = new ReadSet(1_000);
    using view = new TransactionView(tree.core, tree.core.revision, reads);
    const sorted = keyNames.toSorted();
    expect([...view.range({ limit: 2 })].length).toBe(2);
    const [first] = [...view.range({ from: encoded(sorted[3] as string), reverse: true, limit: 1 })];
    expect(decoded(first?.[0])).toBe(sorted.at(-1));
    view.range().return();
    const walk = view.walk({ from: null, to: encoded(sorted[1] as string) }, false);
    while (walk.next());
    walk.end();
    const read = reads.ranges.map((one) => one.read);
    expect(
      read.map((one) => one && [decoded(one.from ?? undefined), decoded(one.to ?? undefined), one.toIncluded]),
    ).toEqual([[undefined, sorted[1], true], [sorted.at(-1), undefined, false], null, [undefined, sorted[1], false]]);
    const readMuch = (): void => {
      for (let count = 0; count < 100; count++) view.get(encoded('a'));
    };
    expect(readMuch).toThrow(/has read more than can be checked/);
    expect(() => view.get(encoded('b'))).toThrow(/has read more/);
    expect(reads.isFull).toBe(true);
    await tree.close();
  });
});

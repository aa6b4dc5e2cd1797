/** The check at a commit against the list of all writes, over seals, flushes and rollbacks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encoded, keyNames, treeInWorld, type CoreTree } from '../../../test/models/core-tree.ts';
import { WriteBatch } from '../write-batch.ts';
import { conflictOfReads, conflictOfWrites, type Conflict } from './conflict.ts';
import { ReadSet } from './read-set.ts';
import { TransactionView } from './view.ts';

/** A write of one transaction: of a key, or of all keys from one on and before another. */
interface Touched {
  readonly from: string;
  readonly to: string | null;
  readonly revision: number;
}

const key = fc.constantFrom(...keyNames);
const write = fc.record({
  kind: fc.constantFrom('put' as const, 'delete' as const, 'deleteRange' as const),
  key,
  to: key,
});
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('commit' as const), writes: fc.array(write, { maxLength: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('seal' as const, 'cut' as const, 'flush' as const, 'flush' as const),
    }),
  },
);
const read = fc.record({
  kind: fc.constantFrom('key' as const, 'range' as const),
  key,
  to: key,
  reverse: fc.boolean(),
  limit: fc.constantFrom(undefined, 1, 2),
});
const steps = fc.array(step, { maxLength: 25 });

function put(batch: WriteBatch, { kind, key: name, to }: Write): void {
  if (kind === 'put') batch.put(encoded(name), encoded('v'));
  else if (kind === 'delete') batch.delete(encoded(name));
  else if (name < to) batch.deleteRange(encoded(name), encoded(to));
}

const touchedBy = ({ kind, key: from, to }: Write, revision: number): readonly Touched[] =>
  kind !== 'deleteRange' ? [{ from, to: null, revision }] : from < to ? [{ from, to, revision }] : [];

const touchesKey = ({ from, to }: Touched, name: string): boolean =>
  to === null ? from === name : name >= from && name < to;

/** Whether it touches what lies from `from` on and before `to`, or up to it. */
function touchesRange(one: Touched, from: string, to: string | null, toIncluded: boolean): boolean {
  const isBeforeEnd = to === null || one.from < to || (toIncluded && one.from === to);
  return isBeforeEnd && (one.to === null ? one.from >= from : one.to > from);
}

/** Plays the steps, and gives what was written and not taken back. */
async function played(
  tree: CoreTree,
  all: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  log: Touched[],
  keep: number,
): Promise<void> {
  const { core } = tree;
  for (const one of all) {
    if (one.kind === 'commit') {
      const revision = tree.commit((batch) => one.writes.forEach((each) => put(batch, each)));
      log.push(...one.writes.flatMap((each) => touchedBy(each, revision)));
    } else if (one.kind === 'seal') core.seal();
    else if (one.kind === 'flush') await tree.flush();
    else {
      const to = Math.max(core.durableRevision, keep, core.revision - 2);
      core.cutAfter(to);
      log.splice(0, log.length, ...log.filter(({ revision }) => revision <= to));
    }
  }
}

/** A conflict is there exactly if somebody touched what was read; beyond what is known nothing is said. */
function expectSame(found: Conflict | null, tree: CoreTree, since: number, touched: readonly Touched[]): void {
  const { recentFrom, revision } = tree.core;
  if (since < recentFrom && revision > since) return expect(found).toEqual({ reason: 'too-old', recentFrom });
  if (touched.length === 0) return expect(found).toBeNull();
  expect(found).toMatchObject({ reason: 'changed' });
  if (found?.reason === 'changed') expect(touched.map((one) => one.revision)).toContain(found.revision);
}

test('of reads: keys that were there or not, and ranges as far as they were read', async () => {
  const seen = { conflict: 0, none: 0, tooOld: 0 };
  await treeInWorld(async (open) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.array(read, { minLength: 1, maxLength: 3 }), steps, async (before, reads, after) => {
        const tree = await open();
        const log: Touched[] = [];
        await played(tree, before, log, 0);
        const since = tree.core.revision;
        const set = new ReadSet();
        const view = new TransactionView(tree.core, since, set);
        const shownLast: (string | null)[] = [];
        for (const { kind, key: name, to, reverse, limit } of reads) {
          if (kind === 'key') view.get(encoded(name));
          else {
            const all = [...view.range({ from: encoded(name), to: encoded(to), reverse, limit })];
            shownLast.push(all.length === limit ? new TextDecoder().decode(all.at(-1)?.[0]) : null);
          }
        }
        view[Symbol.dispose]();
        await played(tree, after, log, since);
        const touched = log.filter((one) => {
          if (one.revision <= since) return false;
          let ranges = 0;
          return reads.some(({ kind, key: name, to, reverse }) => {
            if (kind === 'key') return touchesKey(one, name);
            const last = shownLast[ranges++] ?? null;
            if (last === null) return name < to && touchesRange(one, name, to, false);
            return reverse ? touchesRange(one, last, to, false) : touchesRange(one, name, last, true);
          });
        });
        const found = conflictOfReads(tree.core, since, set);
        seen[found === null ? 'none' : found.reason === 'changed' ? 'conflict' : 'tooOld']++;
        expectSame(found, tree, since, touched);
        await tree.close();
      }),
      { numRuns: 400 },
    );
  });
  expect(Math.min(seen.conflict, seen.none, seen.tooOld)).toBeGreaterThan(2);
});

test('of writes: keys and ranges that somebody else wrote since', async () => {
  await treeInWorld(async (open) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.array(write, { minLength: 1, maxLength: 3 }), steps, async (before, writes, after) => {
        const tree = await open();
        const log: Touched[] = [];
        await played(tree, before, log, 0);
        const since = tree.core.revision;
        await played(tree, after, log, since);
        const batch = new WriteBatch();
        for (const one of writes) put(batch, one);
        const mine = writes.flatMap((one) => touchedBy(one, 0));
        const touched = log.filter(
          (one) =>
            one.revision > since &&
            mine.some(({ from, to }) => (to === null ? touchesKey(one, from) : touchesRange(one, from, to, false))),
        );
        expectSame(conflictOfWrites(tree.core, since, batch), tree, since, touched);
        await tree.close();
      }),
      { numRuns: 300 },
    );
  });
});

test('many writes since are asked by the index of keys', async () => {
  await treeInWorld(async (open) => {
    const tree = await open({ memtableBytes: 1024 * 1024 });
    tree.commit((batch) => batch.put(encoded('k0001'), encoded('')));
    const since = tree.core.revision;
    for (let count = 0; count < 3_000; count++)
      tree.commit((batch) => batch.put(encoded(`k${String(10 + (count % 2_000)).padStart(4, '0')}`), encoded('')));
    const within = (from: string | null, to: string | null) =>
      tree.core.writtenWithin(since, {
        from: from === null ? null : encoded(from),
        to: to === null ? null : encoded(to),
        toIncluded: false,
      });
    expect(within(null, 'k0010')).toBeNull();
    expect(within('k0010', 'k0011')).toEqual({ key: encoded('k0010'), revision: since + 2_001 });
    expect(within('k2010', null)).toBeNull();
    expect(within(null, null)?.revision).toBeGreaterThan(since);
    await tree.close();
  });
});

test('what is known of recent writes: the last memtable that was flushed, and all after it', async () => {
  await treeInWorld(async (open) => {
    const tree = await open();
    const { core } = tree;
    const commit = (): number => tree.commit((batch) => batch.put(encoded('a'), encoded('1')));
    expect(core.recentFrom).toBe(-1);
    const first = commit();
    await tree.flush();
    expect(core.recentFrom).toBe(-1);
    const second = commit();
    await tree.flush();
    expect(core.recentFrom).toBe(first);
    commit();
    await tree.flush();
    expect(core.recentFrom).toBe(second);
    await tree.close();
  });
});

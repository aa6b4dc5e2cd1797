import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partitionMax, ShardMap, type SlotRange } from './shard-map.ts';
import { slot, slotCount } from './slot.ts';

const counts = (map: ShardMap): readonly number[] => map.partitions.map((one) => map.slotCountOf(one));
const isEven = (map: ShardMap): boolean => Math.max(...counts(map)) - Math.min(...counts(map)) <= 1;
const moved = (from: ShardMap, to: ShardMap): number =>
  from.movesTo(to).reduce((sum, one) => sum + one.to - one.from, 0);
const invalid = expect.objectContaining({ kind: 'invalid' }) as Error;
const misuse = expect.objectContaining({ kind: 'misuse' }) as Error;

test('the first map gives each partition one range, even within one slot', () => {
  expect(ShardMap.even(3).ranges()).toEqual([
    { from: 0, to: 1_366, partition: 0 },
    { from: 1_366, to: 2_731, partition: 1 },
    { from: 2_731, to: 4_096, partition: 2 },
  ]);
  for (const count of [1, 2, 7, 100, 4_095, 4_096]) {
    const map = ShardMap.even(count);
    expect([map.ranges().length, map.partitions.length, isEven(map)]).toEqual([count, count, true]);
    expect(map.partitionOf(slot(0))).toBe(0);
    expect(map.partitionOf(slot(slotCount - 1))).toBe(count - 1);
  }
});

test('any sequence of joins and leaves keeps the map even, and each moves the fewest slots that can', () => {
  const steps = fc.array(fc.record({ isJoin: fc.boolean(), pick: fc.nat() }), { maxLength: 20, size: 'max' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), steps, (start, steps) => {
      let map = ShardMap.even(start);
      for (const { isJoin, pick } of steps) {
        if (isJoin) {
          const fresh = 100 + (pick % 1_000);
          if (map.slotCountOf(fresh) > 0) continue;
          const next = map.join(fresh);
          // All that moves goes to the newcomer, and is its even share, rounded down.
          expect(moved(map, next)).toBe(Math.floor(slotCount / next.partitions.length));
          expect(map.movesTo(next).every(({ target }) => target === fresh)).toBe(true);
          map = next;
        } else if (map.partitions.length > 1) {
          const gone = map.partitions[pick % map.partitions.length] as number;
          const next = map.leave(gone);
          expect(moved(map, next)).toBe(map.slotCountOf(gone));
          expect(map.movesTo(next).every(({ source }) => source === gone)).toBe(true);
          map = next;
        }
        expect(isEven(map)).toBe(true);
        expect(counts(map).reduce((a, b) => a + b, 0)).toBe(slotCount);
        expect(map.rebalance().ranges()).toEqual(map.ranges());
        expect(ShardMap.of(map.ranges().toReversed()).ranges()).toEqual(map.ranges());
      }
    }),
    { numRuns: 40 },
  );
});

test('an uneven map is made even with the fewest moves: what is above its target, and no more', () => {
  const slots = fc.array(fc.nat({ max: slotCount - 1 }).map(slot), { maxLength: 3_000, size: 'max' });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 9 }), slots, fc.nat({ max: 9 }), (count, slots, partition) => {
      const uneven = ShardMap.even(count).assign(slots, partition);
      const even = uneven.rebalance();
      expect(isEven(even)).toBe(true);
      expect(even.partitions).toEqual(uneven.partitions);
      const byCount = counts(uneven).toSorted((a, b) => b - a);
      const floor = Math.floor(slotCount / byCount.length);
      const above = byCount.map((one, at) => Math.max(0, one - floor - (at < slotCount % byCount.length ? 1 : 0)));
      expect(moved(uneven, even)).toBe(above.reduce((a, b) => a + b, 0));
    }),
    { numRuns: 50 },
  );
});

test('moves lead from one map to the other', () => {
  const [before, after] = [ShardMap.even(4), ShardMap.even(4).leave(1).join(7)];
  let replayed = before;
  for (const { from, to, source, target } of before.movesTo(after)) {
    const slots = Array.from({ length: to - from }, (_, at) => slot(from + at));
    expect(slots.every((one) => before.partitionOf(one) === source)).toBe(true);
    replayed = replayed.assign(slots, target);
  }
  expect(replayed.ranges()).toEqual(after.ranges());
  expect(before.movesTo(before)).toEqual([]);
  expect(after.rangesOf(7).reduce((sum, { from, to }) => sum + to - from, 0)).toBe(after.slotCountOf(7));
  expect(after.rangesOf(1)).toEqual([]);
});

test('partitions stay a few ranges: ten joins one after the other leave at most two dozen a partition', () => {
  let map = ShardMap.even(1);
  for (let partition = 1; partition <= 10; partition++) map = map.join(partition);
  expect(map.partitions.map((one) => map.rangesOf(one).length).every((count) => count <= 24)).toBe(true);
});

test('a hot slot can be put by itself, and a partition that has none left is gone', () => {
  const map = ShardMap.even(2).assign([slot(17)], partitionMax);
  expect(map.partitionOf(slot(17))).toBe(partitionMax);
  expect([map.partitions, counts(map)]).toEqual([
    [0, 1, partitionMax],
    [2_047, 2_048, 1],
  ]);
  expect(map.assign([slot(17)], 0).partitions).toEqual([0, 1]);
});

test('what cannot be is refused', () => {
  const map = ShardMap.even(2);
  for (const count of [0, 1.5, 4_097, Number.NaN]) expect(() => ShardMap.even(count)).toThrow(misuse);
  expect(() => map.join(1)).toThrow(misuse);
  expect(() => map.leave(2)).toThrow(misuse);
  expect(() => map.leave(1).leave(0)).toThrow(misuse);
  expect(() => ShardMap.even(4_096).join(4_096)).toThrow(misuse);
  for (const partition of [-1, 0.5, partitionMax + 1]) expect(() => map.join(partition)).toThrow(invalid);
  const [low, high] = map.ranges() as [SlotRange, SlotRange];
  const broken: readonly (readonly SlotRange[])[] = [
    [],
    [low],
    [low, high, { from: 5, to: 6, partition: 1 }],
    [low, { from: 2_048, to: 4_097, partition: 1 }],
    [low, { from: 2_048, to: 4_095.5, partition: 1 }],
    [low, high, { from: 7, to: 7, partition: 1 }],
    [{ from: 0, to: 4_096, partition: -1 }],
  ];
  for (const ranges of broken) expect(() => ShardMap.of(ranges)).toThrow(invalid);
});

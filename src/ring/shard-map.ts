/**
 * Which partition has which slot: all 4,096 of them, each at one partition. Immutable: a change is another map, and
 * `movesTo` says what has to move. Joins and leaves move the fewest slots that leave the counts even, and take them
 * where ranges end, so that a partition stays a few ranges of neighbouring slots and not a dust of them.
 */
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { type Slot, slot, slotCount } from './slot.ts';

/** Slots from `from` to `to`, excluded, all at one partition. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly partition: number;
}

/** Slots from `from` to `to`, excluded, that go from one partition to another. */
export interface SlotMove {
  readonly from: number;
  readonly to: number;
  readonly source: number;
  readonly target: number;
}

/** The largest number that names a partition. */
export const partitionMax = 65_535;

/** A partition is named by a whole number from 0 to 65,535; the numbers need not be without gaps. */
export class ShardMap {
  /** By number, the smallest first. Each has at least one slot. */
  readonly partitions: readonly number[];
  readonly #owners: Uint16Array;
  readonly #counts: ReadonlyMap<number, number>;

  private constructor(owners: Uint16Array) {
    assert(owners.length === slotCount, 'every slot has a partition');
    const counts = new Map<number, number>();
    for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    this.partitions = Object.freeze([...counts.keys()].toSorted((a, b) => a - b));
    this.#owners = owners;
    this.#counts = counts;
  }

  /**
   * Partitions 0 to `partitionCount - 1`, each with one range of slots, the counts differing by at most one.
   * @throws LockstepError `misuse` for what is no whole number from 1 to 4,096.
   */
  static even(partitionCount: number): ShardMap {
    if (!Number.isInteger(partitionCount) || partitionCount < 1 || partitionCount > slotCount)
      throw new LockstepError('misuse', 'there are 1 to 4096 partitions', { values: { partitionCount } });
    return new ShardMap(
      Uint16Array.from({ length: slotCount }, (_, at) => Math.floor((at * partitionCount) / slotCount)),
    );
  }

  /**
   * The map that `ranges` once printed, in any order.
   * @throws LockstepError `invalid` unless every slot is in exactly one range.
   */
  static of(ranges: readonly SlotRange[]): ShardMap {
    const owners = new Uint16Array(slotCount);
    const isTaken = new Uint8Array(slotCount);
    for (const { from, to, partition } of ranges) {
      checkPartition(partition);
      if (to > slotCount || slot(from) >= to || !Number.isInteger(to))
        throw new LockstepError('invalid', 'a range of slots ends after it begins', { values: { from, to } });
      const twice = isTaken.indexOf(1, from);
      if (twice >= 0 && twice < to)
        throw new LockstepError('invalid', 'a slot is in two ranges', { values: { slot: twice, partition } });
      owners.fill(partition, from, to);
      isTaken.fill(1, from, to);
    }
    const missing = isTaken.indexOf(0);
    if (missing >= 0) throw new LockstepError('invalid', 'a slot is in no range', { values: { slot: missing } });
    return new ShardMap(owners);
  }

  partitionOf(slot: Slot): number {
    return this.#owners[slot] as number;
  }

  /** How many slots it has; 0 for a partition that is not there. */
  slotCountOf(partition: number): number {
    return this.#counts.get(partition) ?? 0;
  }

  /** Every slot once, in order, neighbours of one partition together. Plain data: `ShardMap.of` takes it back. */
  ranges(): readonly SlotRange[] {
    return runs((at) => this.#owners[at] as number).map(({ from, to, value }) => ({ from, to, partition: value }));
  }

  /** The ranges of one partition; none for one that is not there. */
  rangesOf(partition: number): readonly SlotRange[] {
    return this.ranges().filter((range) => range.partition === partition);
  }

  /**
   * With one partition more, which takes its even share from those that have most: of an even map exactly
   * ⌊4096 / n⌋ slots move, n counting the new one, all of them to it.
   * @throws LockstepError `misuse` for a partition that is there, or a 4,097th.
   */
  join(partition: number): ShardMap {
    checkPartition(partition);
    if (this.#counts.has(partition))
      throw new LockstepError('misuse', 'the partition is in the map', { values: { partition } });
    if (this.partitions.length === slotCount)
      throw new LockstepError('misuse', 'every partition has at least one slot', { values: { partition } });
    return this.#evenOver([...this.partitions, partition]);
  }

  /**
   * Without this partition, whose slots go to those that have least: of an even map no other slot moves.
   * @throws LockstepError `misuse` for a partition that is not there, or the last one.
   */
  leave(partition: number): ShardMap {
    if (!this.#counts.has(partition) || this.partitions.length === 1)
      throw new LockstepError('misuse', 'the partition is not in the map, or the last one', { values: { partition } });
    return this.#evenOver(this.partitions.filter((one) => one !== partition));
  }

  /** The same partitions with even counts; this map where they are even. Moves as few slots as that takes. */
  rebalance(): ShardMap {
    return this.#evenOver(this.partitions);
  }

  /**
   * With these slots at this partition, new or not: to split, to merge, or to put a hot slot by itself. Counts may
   * then be uneven, and a partition without a slot is gone. The next `join` or `leave` evens all of them.
   */
  assign(slots: Iterable<Slot>, partition: number): ShardMap {
    checkPartition(partition);
    const owners = this.#owners.slice();
    for (const one of slots) owners[slot(one)] = partition;
    return new ShardMap(owners);
  }

  /** What has to move for this map to become that one, in the order of slots. */
  movesTo(next: ShardMap): readonly SlotMove[] {
    const pair = (at: number): number =>
      (this.#owners[at] as number) * (partitionMax + 1) + (next.#owners[at] as number);
    return runs(pair)
      .map(({ from, to, value }) => {
        const target = value % (partitionMax + 1);
        return { from, to, source: (value - target) / (partitionMax + 1), target };
      })
      .filter(({ source, target }) => source !== target);
  }

  /**
   * Even counts over these partitions, moving the fewest slots: nobody gives who is not above its target, nobody takes
   * who is not below. The targets that are one larger go to those that have most, by number where they have the same.
   */
  #evenOver(partitions: readonly number[]): ShardMap {
    const floor = Math.floor(slotCount / partitions.length);
    const largerCount = slotCount % partitions.length;
    const byCount = partitions.toSorted((a, b) => this.slotCountOf(b) - this.slotCountOf(a) || a - b);
    const targets = new Map(byCount.map((one, at) => [one, at < largerCount ? floor + 1 : floor]));
    const owners = this.#owners.slice();
    const given: number[] = [];
    const surplus = new Map([...this.#counts].map(([one, count]) => [one, count - (targets.get(one) ?? 0)]));
    for (let at = slotCount - 1; at >= 0; at--) {
      const left = surplus.get(owners[at] as number) ?? 0;
      if (left <= 0) continue;
      surplus.set(owners[at] as number, left - 1);
      given.push(at);
    }
    given.reverse();
    let next = 0;
    for (const [one, target] of [...targets].toSorted(([a], [b]) => a - b)) {
      for (let missing = target - this.slotCountOf(one); missing > 0; missing--) owners[given[next++] as number] = one;
    }
    assert(next === given.length, 'what is given is taken');
    return new ShardMap(owners);
  }
}

function checkPartition(partition: number): void {
  if (!Number.isInteger(partition) || partition < 0 || partition > partitionMax)
    throw new LockstepError('invalid', 'a partition is a whole number from 0 to 65535', { values: { partition } });
}

/** Neighbouring slots of one value together. */
function runs(valueAt: (at: number) => number): readonly { from: number; to: number; value: number }[] {
  const found: { from: number; to: number; value: number }[] = [];
  for (let at = 0; at < slotCount; at++) {
    const [last, value] = [found.at(-1), valueAt(at)];
    if (last?.value === value) last.to = at + 1;
    else found.push({ from: at, to: at + 1, value });
  }
  return found;
}

/**
 * States that are to be folded again though the `codeVersion` of their machine stayed, as in development, where `evolve` changes
 * all day; and how many events there are, in bounded time.
 */
import { elapsedMs } from '../kernel/time.ts';
import type { Tuple } from '../bytes/tuple.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { PlaceEntry, Reader, Transaction } from '../partition/transaction.ts';
import type { AnyMachine } from './definition.ts';
import { again, deliver, type Again, type DeliveryPorts } from './delivery.ts';
import { outdate, stateSystem } from './instance.ts';

export interface OutdatedSetup extends DeliveryPorts {
  readonly partitions: Partitions;
}

/** Streams and their events; not `isAll`: there are more, which nobody waited for. */
export interface StoredEvents {
  readonly streams: number;
  readonly events: number;
  readonly isAll: boolean;
}

/** States that are read at once, and then written. */
const pageMax = 500;
const withinMs = 30_000;
const countMsMax = 200;

/** Each state of the machine counts as one of older code from now on; how many there are. @throws as `deliver`. */
export async function outdateStates(setup: OutdatedSetup, { name }: AnyMachine): Promise<number> {
  const { partitions } = setup;
  let count = 0;
  for (const index of partitions.map.partitions) {
    const about = { what: 'fold again', key: name, values: { machine: name }, withinMs, signal: undefined };
    let last: PlaceEntry | null = null;
    do {
      const page: Page = await deliver<Page>(setup, about, async (leftMs): Promise<Page | Again> => {
        const outcome = await partitions.at(index).read('linearizable', { withinMs: leftMs });
        if (outcome.kind !== 'snapshot') return again(outcome, about.values);
        using snapshot = outcome;
        return pageOf(snapshot, name, last);
      });
      const outdated = page.found.map(({ place, key }) =>
        deliver<{ readonly kind: string }>(setup, about, async (leftMs) => {
          const mark = (tx: Transaction): null => outdate(tx, key);
          const outcome = await partitions.at(index).transact(place, mark, { withinMs: leftMs });
          return outcome.kind === 'not-leader' || outcome.kind === 'refused' ? again(outcome, about.values) : outcome;
        }),
      );
      count += (await Promise.all(outdated)).length;
      ({ last } = page);
    } while (last !== null);
  }
  return count;
}

interface Page {
  readonly kind: 'page';
  readonly found: readonly PlaceEntry[];
  /** Null: there are no more. */
  readonly last: PlaceEntry | null;
}

function pageOf(reader: Reader, machine: string, after: PlaceEntry | null): Page {
  const found: PlaceEntry[] = [];
  for (const { place, key } of reader.everywhere(stateSystem, after ?? undefined)) {
    if (place === null || !isOf(machine, key)) continue;
    if (found.push({ place, key }) === pageMax) return { kind: 'page', found, last: { place, key } };
  }
  return { kind: 'page', found, last: null };
}

const isOf = (machine: string, key: Tuple): boolean => key[0] === machine;

/** @throws as `deliver`. */
export async function countEvents(setup: OutdatedSetup): Promise<StoredEvents> {
  const { partitions, ports } = setup;
  const begun = ports.clock.now();
  const counts = { streams: 0, events: 0 };
  for (const index of partitions.map.partitions) {
    const about = { what: 'count', key: `partition ${index}`, values: { index }, withinMs, signal: undefined };
    const { isAll } = await deliver(setup, about, async (leftMs) => {
      const outcome = await partitions.at(index).read({ staleMsMax: 0 }, { withinMs: leftMs });
      if (outcome.kind !== 'snapshot') return again(outcome, about.values);
      using snapshot = outcome;
      for (const { value } of snapshot.everywhere(stateSystem)) {
        if (elapsedMs(begun, ports.clock.now()) > countMsMax) return { kind: 'counted', isAll: false } as const;
        counts.streams++;
        counts.events += Array.isArray(value) ? Number(value[0]) : 0; // its version: so many events it has
      }
      return { kind: 'counted', isAll: true } as const;
    });
    if (!isAll) return { ...counts, isAll: false };
  }
  return { ...counts, isAll: true };
}

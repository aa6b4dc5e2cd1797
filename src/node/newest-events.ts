/** The newest events of all machines, for whoever looks on: a bounded look at the end of each partition's order. */
import type { Timers } from '../env/timers.ts';
import { pause } from '../log/within.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { readOrderReverse, recordedOf, tokensBeside } from '../machine/event-reader.ts';
import type { Partitions } from '../partition/partitions.ts';

export interface NewestEvents {
  /** The newest first, at most as many as were asked for. */
  readonly events: readonly Recorded<AnyMachine>[];
  /** Whether there were more since the look before. */
  readonly isCut: boolean;
}

export interface NewestEventsSetup {
  readonly partitions: Partitions;
  /** Of the code, by name; events of others are left out. */
  readonly machines: ReadonlyMap<string, AnyMachine>;
  readonly timers: Timers;
}

/** The newest there are; then, as often as there are some, those that came since. */
const lookEveryMs = 250;

/** @throws LockstepError as reading a partition; the signal's reason. */
export async function* followNewest(
  { partitions, machines, timers }: NewestEventsSetup,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<NewestEvents, void, undefined> {
  const seen = new Map<number, number>();
  for (let isFirst = true; ; isFirst = false) {
    const newest = await newestEvents(partitions, machines, { limit, seen });
    if (isFirst || newest.events.length > 0) yield newest;
    await pause(timers, lookEveryMs, [signal]);
    signal.throwIfAborted();
  }
}

/** `seen`: up to which revision each partition was looked at; it is moved on. @throws LockstepError as reading a partition. */
export async function newestEvents(
  partitions: Partitions,
  machines: ReadonlyMap<string, AnyMachine>,
  { limit, seen }: { readonly limit: number; readonly seen: Map<number, number> },
): Promise<NewestEvents> {
  const found: Recorded<AnyMachine>[] = [];
  for (const index of partitions.map.partitions) {
    const partition = partitions.at(index);
    const after = seen.get(index) ?? 0;
    if (partition.status.revision === after) continue;
    const outcome = await partition.read({ staleMsMax: Infinity });
    if (outcome.kind !== 'snapshot') continue; // it is changing hands: the next look finds it
    using snapshot = outcome;
    const tokenOf = tokensBeside(snapshot.token);
    seen.set(index, snapshot.revision);
    for (const row of readOrderReverse(snapshot, after, limit + 1)) {
      const machine = machines.get(row.machine);
      if (machine !== undefined) found.push(...recordedOf(machine, row, tokenOf(row.revision)).reverse());
    }
  }
  // Sorting keeps what is of one partition in its order.
  const events = found.sort((a, b) => b.at.getTime() - a.at.getTime());
  return { events: events.slice(0, limit), isCut: events.length > limit };
}

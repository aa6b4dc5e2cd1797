/**
 * How much is stored of what does not fit, in words: counted only where a node tells why it does not lead, in bounded time,
 * as everything else waits meanwhile.
 */
import type { Ports } from '../env/env.ts';
import { countText } from '../kernel/count-text.ts';
import { elapsedMs } from '../kernel/time.ts';
import type { Reader } from '../partition/transaction.ts';
import { readOrder } from './event-reader.ts';
import { stateSystem } from './instance.ts';

/** `12,034`, `at least 100,000`; null: nobody counts. */
export interface StoredCounts {
  streams(machine: string): string | null;
  events(machine: string, type: string): string | null;
}

export const uncounted: StoredCounts = { streams: () => null, events: () => null };

/** Streams, or commands. */
const entriesMax = 100_000;
const countMsMax = 200;

/** Of one partition; streams and events are each counted when they are first asked for. */
export function countStored(reader: Reader, { clock }: Pick<Ports, 'clock'>): StoredCounts {
  const counter = (names: () => Iterable<readonly string[]>): ((name: string) => string) => {
    let counts: Counts | null = null;
    return (name) => {
      const begun = clock.now();
      counts ??= counted(names(), () => elapsedMs(begun, clock.now()) >= countMsMax);
      const text = countText(counts.byName.get(name) ?? 0);
      return counts.isAll ? text : `at least ${text}`;
    };
  };
  const events = counter(() => eventsIn(reader));
  return { streams: counter(() => streamsIn(reader)), events: (machine, type) => events(`${machine}.${type}`) };
}

/** Of each stream, its machine. */
function* streamsIn(reader: Reader): Iterable<readonly string[]> {
  for (const { key } of reader.everywhere(stateSystem)) yield [String(key[0])];
}

/** Of each command, its events. */
function* eventsIn(reader: Reader): Iterable<readonly string[]> {
  for (const { machine, events } of readOrder(reader, 0, Infinity))
    yield events.map(({ type }) => `${machine}.${type}`);
}

interface Counts {
  readonly byName: ReadonlyMap<string, number>;
  readonly isAll: boolean;
}

function counted(entries: Iterable<readonly string[]>, isEnough: () => boolean): Counts {
  const byName = new Map<string, number>();
  let count = 0;
  for (const names of entries) {
    if (count++ >= entriesMax || isEnough()) return { byName, isAll: false };
    for (const name of names) byName.set(name, (byName.get(name) ?? 0) + 1);
  }
  return { byName, isAll: true };
}

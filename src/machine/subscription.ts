/**
 * Events as they come about, from any place in a partition on: what is stored already, then what is committed, without gap
 * or repeat, on whichever node. Each look is at one snapshot and takes a bounded part; between two it waits for the
 * partition to come further, and holds nothing.
 */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { isPassing, pause } from '../log/within.ts';
import type { Partition } from '../partition/partition.ts';
import type { Consistency } from '../partition/reads.ts';
import type { Snapshot } from '../partition/snapshot.ts';
import type { Token } from '../partition/transaction.ts';
import { lastVersionOf, type EventRow } from './event-row.ts';
import { readOrder, readStream, revisionOf, tokenAt } from './event-reader.ts';

/** Which commands' events: those that fit all that is given. */
export interface EventFilter {
  readonly machine?: string | undefined;
  readonly key?: string | undefined;
  /** What the key begins with. */
  readonly prefix?: string | undefined;
  /** At least one of its events is of one of these types. */
  readonly types?: readonly string[] | undefined;
}

export interface SubscribeOptions extends EventFilter {
  /** After what this token names; all there are; or those from now on. */
  readonly from: Token | 'start' | 'now';
  /** Ends it; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows in order, each one command's events, and where to read on once all of them were taken. */
export interface SubscribedRows {
  readonly rows: readonly EventRow[];
  readonly token: Token;
}

/** Rows that one look takes. */
const rowsMax = 256;
/** For how long one wait for the partition to come further lasts at most; then it begins anew. */
const waitMsMax = 30_000;
const pauseMsMax = 100;

/**
 * @throws LockstepError `invalid` for a token of another partition; `stopped` once the partition is closed; the signal's
 * reason; what stopped the partition.
 */
export async function* subscribe(
  ports: Pick<Ports, 'timers' | 'randomness'>,
  partition: Partition,
  options: SubscribeOptions,
): AsyncGenerator<SubscribedRows, void, undefined> {
  const { from, signal } = options;
  const atFirst = firstLook(from);
  let consistency: Consistency = atFirst;
  let cursor: Cursor | null = null;
  for (;;) {
    const part = await look(ports, partition, { consistency, signal }, (snapshot) => {
      const { token, revision } = snapshot;
      cursor ??= cursorFor(options, from === 'start' ? 0 : from === 'now' ? revision : revisionOf(from));
      return { ...cursor.take(snapshot), token, revision };
    });
    const rows = part.rows.filter((row) => fits(row, options));
    const last = part.isAll ? part.revision : (part.rows.at(-1)?.revision ?? part.revision);
    if (rows.length > 0) yield { rows, token: tokenAt(part.token, last) };
    if (part.revision === 0) {
      // Before anything was written a partition has no name, and no tokens to wait for.
      await pause(ports.timers, ports.randomness.float() * pauseMsMax, [signal]);
      continue;
    }
    consistency = { atLeast: tokenAt(part.token, part.isAll ? part.revision + 1 : part.revision) };
  }
}

/** From the start any durable state will do: what it lacks comes later. */
function firstLook(from: SubscribeOptions['from']): Consistency {
  if (from === 'start') return { staleMsMax: Infinity };
  return from === 'now' ? { staleMsMax: 0 } : { atLeast: from };
}

/** Holds where it is, and takes what comes next. */
interface Cursor {
  /** `isAll`: the snapshot has no more. */
  take(snapshot: Snapshot): { readonly rows: readonly EventRow[]; readonly isAll: boolean };
}

/** One instance is read by its stream, anything else by the order of the partition. */
function cursorFor({ machine, key }: EventFilter, after: number): Cursor {
  if (machine !== undefined && key !== undefined) return new StreamCursor(machine, key, after);
  return new OrderCursor(after);
}

class OrderCursor implements Cursor {
  #revision: number;

  constructor(after: number) {
    this.#revision = after;
  }

  take(snapshot: Snapshot): ReturnType<Cursor['take']> {
    const rows = [...readOrder(snapshot, this.#revision, rowsMax)];
    const isAll = rows.length < rowsMax;
    this.#revision = isAll ? snapshot.revision : (rows.at(-1)?.revision ?? this.#revision);
    return { rows, isAll };
  }
}

class StreamCursor implements Cursor {
  readonly #machine: string;
  readonly #key: string;
  readonly #after: number;
  /** Null: not looked up yet. */
  #version: number | null;

  constructor(machine: string, key: string, after: number) {
    this.#machine = machine;
    this.#key = key;
    this.#after = after;
    this.#version = after === 0 ? 0 : null;
  }

  take(snapshot: Snapshot): ReturnType<Cursor['take']> {
    this.#version ??= this.#versionAt(snapshot);
    const about = { afterVersion: this.#version, limit: rowsMax };
    const rows = [...readStream(snapshot, this.#machine, this.#key, about)];
    const last = rows.at(-1);
    if (last !== undefined) this.#version = lastVersionOf(last);
    return { rows, isAll: rows.length < rowsMax };
  }

  /** Of the instance, when the partition was at the revision to begin after. */
  #versionAt(snapshot: Snapshot): number {
    for (const row of readStream(snapshot, this.#machine, this.#key, { reverse: true }))
      if (row.revision <= this.#after) return lastVersionOf(row);
    return 0;
  }
}

function fits(row: EventRow, { machine, key, prefix, types }: EventFilter): boolean {
  if (machine !== undefined && row.machine !== machine) return false;
  if (key !== undefined && row.key !== key) return false;
  if (prefix !== undefined && !row.key.startsWith(prefix)) return false;
  return types === undefined || row.events.some(({ type }) => types.includes(type));
}

interface Look {
  readonly consistency: Consistency;
  readonly signal: AbortSignal | undefined;
}

/** Again, while what is in the way may pass. */
async function look<T>(
  { timers, randomness }: Pick<Ports, 'timers' | 'randomness'>,
  partition: Partition,
  { consistency, signal }: Look,
  see: (snapshot: Snapshot) => T,
): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const outcome = await partition.read(consistency, { withinMs: waitMsMax, signal });
      if (outcome.kind === 'snapshot') {
        using snapshot = outcome;
        return see(snapshot);
      }
      if (outcome.kind === 'refused' && outcome.reason === 'stopping')
        throw new LockstepError('stopped', 'the partition is closed, and its events end here');
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await pause(timers, randomness.float() * pauseMsMax, [signal]);
  }
}

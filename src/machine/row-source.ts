/**
 * The rows of one partition from a place on, look by look: each is at one snapshot and takes a bounded part; between two
 * nothing is held. One instance is read by its stream, anything else by the order of the partition.
 */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { hybridTimestamp, hybridWall } from '../clock/timestamp.ts';
import { isPassing, pause } from '../log/within.ts';
import type { Partition } from '../partition/partition.ts';
import type { Consistency } from '../partition/reads.ts';
import type { Snapshot } from '../partition/snapshot.ts';
import type { Reader, Token } from '../partition/transaction.ts';
import { lastVersionOf, type EventRow } from './event-row.ts';
import { readOrder, readStream, revisionIn, tokenAt } from './event-reader.ts';

/** Which commands' events: those that fit all that is given. */
export interface EventFilter {
  readonly machine?: string | undefined;
  /** Any of these. */
  readonly machines?: readonly string[] | undefined;
  readonly key?: string | undefined;
  /** What the key begins with. */
  readonly prefix?: string | undefined;
  /** At least one of its events is of one of these types. */
  readonly types?: readonly string[] | undefined;
}

export interface SourceOptions extends EventFilter {
  /** After what this token names; all there are; or those from now on. */
  readonly from: Token | 'start' | 'now';
}

/** What one look found. */
export interface Part {
  /** Those that fit. */
  readonly rows: readonly EventRow[];
  /** Where to read on once all of them were taken. */
  readonly token: Token;
  /** Of the snapshot; 0: nothing was ever written. */
  readonly revision: number;
  /** No event behind this part has an earlier time, in milliseconds since 1970. Known where the order is read; else 0. */
  readonly throughMs: number;
}

/** The partition's own state in which a time stands that all events to come are behind. */
export const horizonSystem = 'machine-horizon';

/** Rows that one look takes. */
const rowsMax = 256;
/** For how long one wait for the partition to come further lasts at most; then it begins anew. */
const waitMsMax = 30_000;
const pauseMsMax = 100;

export class RowSource {
  readonly partition: Partition;
  readonly #ports: Pick<Ports, 'timers' | 'randomness'>;
  readonly #options: SourceOptions;
  /** Of a look that waits for more than the last one saw. */
  #further: Consistency;
  #cursor: Cursor | null = null;
  #isUnwritten = false;

  constructor(ports: Pick<Ports, 'timers' | 'randomness'>, partition: Partition, options: SourceOptions) {
    this.#ports = ports;
    this.partition = partition;
    this.#options = options;
    this.#further = firstLook(options.from);
  }

  /**
   * Once the partition has come further than the look before, what came; empty where nothing of it fits.
   * @throws LockstepError `invalid` for a token of another partition; `stopped` once the partition is closed; the signal's
   * reason; what stopped the partition.
   */
  async further(signal: AbortSignal | undefined): Promise<Part> {
    // Before anything was written a partition has no name, and no tokens to wait for.
    if (this.#isUnwritten) await this.#pause(signal);
    return this.#look(this.#further, signal);
  }

  /** What is there behind the look before, at once; or, with a token, once what that names is there. @throws as `further`. */
  present(signal: AbortSignal | undefined, after: Token | null = null): Promise<Part> {
    const consistency = after === null ? { staleMsMax: Infinity } : { atLeast: after };
    return this.#look(this.#cursor === null ? this.#further : consistency, signal);
  }

  /** Again, while what is in the way may pass. */
  async #look(consistency: Consistency, signal: AbortSignal | undefined): Promise<Part> {
    for (;;) {
      signal?.throwIfAborted();
      try {
        const outcome = await this.partition.read(consistency, { withinMs: waitMsMax, signal });
        if (outcome.kind === 'snapshot') {
          using snapshot = outcome;
          return this.#take(snapshot);
        }
        if (outcome.kind === 'refused' && outcome.reason === 'stopping')
          throw new LockstepError('stopped', 'the partition is closed, and its events end here');
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
      await this.#pause(signal);
    }
  }

  #take(snapshot: Snapshot): Part {
    const { token, revision } = snapshot;
    const { from } = this.#options;
    this.#isUnwritten = revision === 0;
    this.#cursor ??= cursorFor(
      this.#options,
      from === 'start' ? 0 : from === 'now' ? revision : revisionIn(from, token),
    );
    const { rows, isAll, throughMs } = this.#cursor.take(snapshot);
    if (revision > 0) this.#further = { atLeast: tokenAt(token, isAll ? revision + 1 : revision) };
    const last = isAll ? revision : (rows.at(-1)?.revision ?? revision);
    const fitting = rows.filter((row) => fits(row, this.#options));
    return { rows: fitting, token: tokenAt(token, last), revision, throughMs };
  }

  #pause(signal: AbortSignal | undefined): Promise<void> {
    const { timers, randomness } = this.#ports;
    return pause(timers, randomness.float() * pauseMsMax, [signal]);
  }
}

/** From the start any durable state will do: what it lacks comes later. */
function firstLook(from: SourceOptions['from']): Consistency {
  if (from === 'start') return { staleMsMax: Infinity };
  return from === 'now' ? { staleMsMax: 0 } : { atLeast: from };
}

/** `isAll`: the snapshot has no more. */
interface Taken {
  readonly rows: readonly EventRow[];
  readonly isAll: boolean;
  readonly throughMs: number;
}

/** Holds where it is, and takes what comes next. */
interface Cursor {
  take(snapshot: Reader): Taken;
}

function cursorFor({ machine, key }: EventFilter, after: number): Cursor {
  if (machine !== undefined && key !== undefined) return new StreamCursor(machine, key, after);
  return new OrderCursor(after);
}

class OrderCursor implements Cursor {
  #revision: number;
  #throughMs = 0;

  constructor(after: number) {
    this.#revision = after;
  }

  take(snapshot: Reader): Taken {
    const rows = [...readOrder(snapshot, this.#revision, rowsMax)];
    const isAll = rows.length < rowsMax;
    const last = rows.at(-1);
    this.#revision = isAll ? snapshot.revision : (last?.revision ?? this.#revision);
    const lastMs = last?.events[0]?.at.getTime() ?? 0;
    this.#throughMs = Math.max(this.#throughMs, lastMs, isAll ? horizonMsOf(snapshot) : 0);
    return { rows, isAll, throughMs: this.#throughMs };
  }
}

/** A partition's time only grows, so what was written down bounds all that comes behind it. */
function horizonMsOf(snapshot: Reader): number {
  const value = snapshot.system(horizonSystem, null).get([]);
  const time = typeof value === 'number' ? hybridTimestamp(value) : null;
  return time === null ? 0 : hybridWall(time);
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

  take(snapshot: Reader): Taken {
    this.#version ??= this.#versionAt(snapshot);
    const about = { afterVersion: this.#version, limit: rowsMax };
    const rows = [...readStream(snapshot, this.#machine, this.#key, about)];
    const last = rows.at(-1);
    if (last !== undefined) this.#version = lastVersionOf(last);
    return { rows, isAll: rows.length < rowsMax, throughMs: 0 };
  }

  /** Of the instance, when the partition was at the revision to begin after. */
  #versionAt(snapshot: Reader): number {
    for (const row of readStream(snapshot, this.#machine, this.#key, { reverse: true }))
      if (row.revision <= this.#after) return lastVersionOf(row);
    return 0;
  }
}

function fits(row: EventRow, { machine, machines, key, prefix, types }: EventFilter): boolean {
  if (machine !== undefined && row.machine !== machine) return false;
  if (machines !== undefined && !machines.includes(row.machine)) return false;
  if (key !== undefined && row.key !== key) return false;
  if (prefix !== undefined && !row.key.startsWith(prefix)) return false;
  return types === undefined || row.events.some(({ type }) => types.includes(type));
}

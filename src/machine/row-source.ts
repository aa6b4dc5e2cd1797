/**
 * The rows of one partition from a place on, look by look: each is at one snapshot and takes a bounded part; between two
 * nothing is held. One instance is read by its stream, anything else by the order of the partition.
 */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import { hybridTimestamp, hybridWall } from '../clock/timestamp.ts';
import { isPassing, pause } from '../log/within.ts';
import type { Partition } from '../partition/partition.ts';
import type { Consistency } from '../partition/reads.ts';
import type { Snapshot } from '../partition/snapshot.ts';
import type { Reader, Token } from '../partition/transaction.ts';
import { lastVersionOf, type EventRow } from './event-row.ts';
import { newestVersion, readOrder, readStream, revisionIn, tokenAt } from './event-reader.ts';

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

/** Rows that one look takes, and how long it goes on. */
const rowsMax = 256;
const lookMs = 4;
/** For how long one wait for the partition to come further lasts at most; then it begins anew. */
const waitMsMax = 30_000;
const pauseMsMax = 100;

export type RowSourcePorts = Pick<Ports, 'clock' | 'timers' | 'randomness'>;

export class RowSource {
  readonly partition: Partition;
  readonly #ports: RowSourcePorts;
  readonly #options: SourceOptions;
  /** Of a look that waits for more than the last one saw. */
  #further: Consistency;
  #cursor: Cursor | null = null;
  #isUnwritten = false;
  /** Since when looks follow each other without a wait; null: the next one waits. */
  #busySince: Instant | null = null;

  constructor(ports: RowSourcePorts, partition: Partition, options: SourceOptions) {
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
    await this.#letOthers(signal);
    return this.#look(this.#further, signal, (snapshot) => this.#take(snapshot));
  }

  /**
   * Where it begins, as a token of the partition as it is now; once anything was written, as before that it has no tokens.
   * @throws as `further`: a token to begin after is checked.
   */
  async start(signal: AbortSignal | undefined): Promise<Token> {
    for (;;) {
      const token = await this.#look(this.#further, signal, (snapshot) =>
        snapshot.revision === 0 ? null : tokenAt(snapshot.token, this.#begins(snapshot)),
      );
      if (token !== null) return token;
      await this.#pause(signal);
    }
  }

  /** What is there behind the look before, at once; or, with a token, once what that names is there. @throws as `further`. */
  present(signal: AbortSignal | undefined, after: Token | null = null): Promise<Part> {
    const consistency = after === null ? { staleMsMax: Infinity } : { atLeast: after };
    return this.#look(this.#cursor === null ? this.#further : consistency, signal, (snapshot) => this.#take(snapshot));
  }

  /** Again, while what is in the way may pass. */
  async #look<T>(
    consistency: Consistency,
    signal: AbortSignal | undefined,
    take: (snapshot: Snapshot) => T,
  ): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      try {
        const outcome = await this.partition.read(consistency, { withinMs: waitMsMax, signal, evenUntold: true });
        if (outcome.kind === 'snapshot') {
          using snapshot = outcome;
          return take(snapshot);
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
    const { clock } = this.#ports;
    const { token, revision } = snapshot;
    this.#isUnwritten = revision === 0;
    this.#cursor ??= cursorFor(this.#options, this.#begins(snapshot));
    const begun = clock.now();
    const { rows, isAll, throughMs } = this.#cursor.take(snapshot, () => elapsedMs(begun, clock.now()) >= lookMs);
    this.#busySince = isAll ? null : (this.#busySince ?? begun);
    if (revision > 0) this.#further = { atLeast: tokenAt(token, isAll ? revision + 1 : revision) };
    const last = isAll ? revision : (rows.at(-1)?.revision ?? revision);
    const fitting = rows.filter((row) => fits(row, this.#options));
    return { rows: fitting, token: tokenAt(token, last), revision, throughMs };
  }

  /** Of the snapshot: what is begun after. */
  #begins({ token, revision }: Snapshot): number {
    const { from } = this.#options;
    if (from === 'start') return 0;
    return from === 'now' ? revision : revisionIn(from, token);
  }

  /** While there is more nothing waits for anything, so nobody else would have a turn before all was read. */
  async #letOthers(signal: AbortSignal | undefined): Promise<void> {
    const { clock, timers } = this.#ports;
    if (this.#busySince === null || elapsedMs(this.#busySince, clock.now()) < lookMs) return;
    await pause(timers, 0, [signal]);
    this.#busySince = clock.now();
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
  /** `isEnough` ends it behind a row, however few they are. */
  take(snapshot: Reader, isEnough: () => boolean): Taken;
}

/** Of those that there are at most `rowsMax`. */
function someOf(rows: Iterable<EventRow>, isEnough: () => boolean): Pick<Taken, 'rows' | 'isAll'> {
  const some: EventRow[] = [];
  for (const row of rows) {
    some.push(row);
    if (some.length === rowsMax || isEnough()) return { rows: some, isAll: false };
  }
  return { rows: some, isAll: true };
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

  take(snapshot: Reader, isEnough: () => boolean): Taken {
    const { rows, isAll } = someOf(readOrder(snapshot, this.#revision, rowsMax), isEnough);
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

  take(snapshot: Reader, isEnough: () => boolean): Taken {
    this.#version ??= this.#versionAt(snapshot);
    const from = { afterVersion: this.#version };
    const { rows, isAll } = someOf(readStream(snapshot, this.#machine, this.#key, from), isEnough);
    const last = rows.at(-1);
    if (last !== undefined) this.#version = lastVersionOf(last);
    return { rows, isAll, throughMs: 0 };
  }

  /** Of the instance, when the partition was at the revision to begin after: looked for by halves, as revisions grow with versions. */
  #versionAt(snapshot: Reader): number {
    let known = 0;
    let max = newestVersion(snapshot, this.#machine, this.#key);
    while (known < max) {
      const to = Math.ceil((known + max) / 2);
      const about = { reverse: true, afterVersion: to + 1, limit: 1 };
      const [row] = readStream(snapshot, this.#machine, this.#key, about);
      if (row === undefined) return known;
      if (row.revision <= this.#after) known = lastVersionOf(row);
      else max = row.firstVersion - 1;
    }
    return known;
  }
}

function fits(row: EventRow, { machine, machines, key, prefix, types }: EventFilter): boolean {
  if (machine !== undefined && row.machine !== machine) return false;
  if (machines !== undefined && !machines.includes(row.machine)) return false;
  if (key !== undefined && row.key !== key) return false;
  if (prefix !== undefined && !row.key.startsWith(prefix)) return false;
  return types === undefined || row.events.some(({ type }) => types.includes(type));
}

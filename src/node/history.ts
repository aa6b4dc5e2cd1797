/**
 * The states that an instance had, one behind each of its events: the events folded again, as `verifyReplay` folds them. It
 * goes by looks of bounded length, so that others run in between however long the stream is.
 */
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { pause } from '../log/within.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { fold, initialOf } from '../machine/engine.ts';
import { newestVersion, readStream, recordedOf, tokensBeside } from '../machine/event-reader.ts';
import { lastVersionOf, type EventRow } from '../machine/event-row.ts';
import { openedRow } from '../machine/personal.ts';
import { checkKey } from '../machine/runtime.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Snapshot } from '../partition/snapshot.ts';
import type { Token } from '../partition/transaction.ts';

export interface HistoryEntry {
  readonly event: Recorded<AnyMachine>;
  /** Behind it. */
  readonly state: unknown;
}

export interface History {
  /** Of the instance now; 0: it was never written. */
  readonly version: number;
  /** Before the first entry: of an instance that was never written, where that is version 1. */
  readonly before: unknown;
  /** Oldest first. */
  readonly entries: readonly HistoryEntry[];
}

export interface HistoryOptions {
  /** The version of the last entry. Default: the newest. */
  readonly to?: number | undefined;
  readonly limit: number;
}

/** Events that one look folds: some milliseconds. */
const lookEventsMax = 500;

/** @throws LockstepError `invalid` for a key that is none; `unavailable`, `stopped`; what `evolve` throws. */
export async function historyOf(
  { partitions, timers }: { readonly partitions: Partitions; readonly timers: Timers },
  machine: AnyMachine,
  key: string,
  { to = Infinity, limit }: HistoryOptions,
): Promise<History> {
  checkKey(key);
  let folding: Folding | null = null;
  for (;;) {
    const outcome = await partitions.read(key, { staleMsMax: 0 });
    if (outcome.kind !== 'snapshot')
      throw new LockstepError('unavailable', 'nobody leads the partition of this key just now', { values: { key } });
    using snapshot = outcome;
    folding ??= new Folding(machine, key, { to: Math.min(to, newestVersion(snapshot, machine.name, key)), limit });
    if (folding.further(snapshot)) return folding.history(newestVersion(snapshot, machine.name, key));
    await pause(timers, 0, []);
  }
}

class Folding {
  readonly #encoder = new ValueEncoder();
  readonly #decoder = new ValueDecoder();
  readonly #machine: AnyMachine;
  readonly #key: string;
  readonly #to: number;
  readonly #from: number;
  readonly #entries: HistoryEntry[] = [];
  #state: unknown;
  #before: unknown;
  #version = 0;

  constructor(machine: AnyMachine, key: string, { to, limit }: { readonly to: number; readonly limit: number }) {
    this.#machine = machine;
    this.#key = key;
    this.#to = to;
    this.#from = Math.max(1, to - limit + 1);
    this.#state = initialOf(machine);
    this.#before = this.#copy();
  }

  /** Goes on behind the last whole row; true: it has come to its end. */
  further(snapshot: Snapshot): boolean {
    const begun = this.#version;
    const tokenOf = tokensBeside(snapshot.token);
    for (const row of readStream(snapshot, this.#machine.name, this.#key, { afterVersion: begun })) {
      if (lastVersionOf(row) < this.#from) this.#fold(row);
      else this.#tell(row, tokenOf(row.revision));
      if (this.#version >= this.#to) return true;
      if (this.#version - begun >= lookEventsMax) return false;
    }
    return true;
  }

  /** Before what was asked for only the state counts. */
  #fold(row: EventRow): void {
    this.#state = fold(this.#machine, this.#state, openedRow(this.#machine, row).events);
    this.#version = lastVersionOf(row);
  }

  #tell(row: EventRow, token: Token): void {
    const recorded = recordedOf(this.#machine, row, token);
    for (const [at, stored] of openedRow(this.#machine, row).events.entries()) {
      const event = recorded[at] as Recorded<AnyMachine>; // one for each
      if (event.version > this.#to) return;
      if (event.version === this.#from) this.#before = this.#copy();
      this.#state = fold(this.#machine, this.#state, [stored]);
      this.#version = event.version;
      if (event.version >= this.#from) this.#entries.push({ event, state: this.#copy() });
    }
  }

  /** As it would be stored: `evolve` may change its own in place at the next event. */
  #copy(): unknown {
    return this.#decoder.decode(this.#encoder.encode(this.#state));
  }

  history(version: number): History {
    return { version, before: this.#before, entries: this.#entries };
  }
}

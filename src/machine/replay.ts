/**
 * Folds the events of every stream again and compares what they make with the state that is stored: an `evolve` that is
 * not pure, or that changed while the `codeVersion` stayed, shows as a difference. It goes by looks: each is at one snapshot
 * and takes a bounded part, so that others run in between; a long stream takes several.
 */
import type { Tuple } from '../bytes/tuple.ts';
import { equalBytes } from '../bytes/compare.ts';
import { isSameValue } from '../bytes/same-value.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { asError, isLockstepError, LockstepError } from '../kernel/errors.ts';
import { elapsedMs } from '../kernel/time.ts';
import { pause } from '../log/within.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Consistency } from '../partition/reads.ts';
import type { PlaceEntry, Reader } from '../partition/transaction.ts';
import type { AnyMachine } from './definition.ts';
import { again, deliver, type Again, type DeliveryPorts } from './delivery.ts';
import { foldRows, stateSystem, storedOf, unfolded } from './instance.ts';
import type { Folded, StoredInstance } from './instance.ts';
import type { Options } from './part.ts';
import type { PlaceState } from './place-state.ts';

/** How far it is. */
export interface ReplayProgress {
  /** That were begun. */
  readonly streams: number;
  /** That were folded. */
  readonly events: number;
}

export interface Replayed extends ReplayProgress {
  /** Streams whose state was compared. */
  readonly compared: number;
  /**
   * Whose state is of an older `codeVersion`, or was made of personal data that is forgotten: folded, not compared; and those
   * of machines that this code does not have.
   */
  readonly skipped: number;
  /** 0: it is clean. */
  readonly differingCount: number;
  /** The first 20 of them. */
  readonly differing: readonly ReplayDifference[];
}

export interface ReplayDifference {
  readonly machine: string;
  readonly key: string;
  /** Of the stored state. */
  readonly version: number;
  /** What differs, or why its events cannot be folded. */
  readonly problem: string;
  readonly stored: unknown;
  /** Undefined where they cannot. */
  readonly folded: unknown;
}

export type ReplayOptions = Options<{
  /** Default: all. */
  machines: readonly AnyMachine[];
  /** After each look. */
  onProgress: (progress: ReplayProgress) => void;
  signal: AbortSignal;
}>;

export interface ReplaySetup extends DeliveryPorts {
  readonly partitions: Partitions;
  /** Of the code, by name. */
  readonly machines: ReadonlyMap<string, AnyMachine>;
}

const differingMax = 20;
/** One look ends after so long, after so many events, or streams. */
const lookMs = 4;
const lookCountMax = 500;
const withinMs = 30_000;

/**
 * All partitions, one after the other, as this node has them: on a node that follows, its own copy. Events that come
 * meanwhile are in it where the stream's turn comes later.
 * @throws LockstepError `unavailable` where a partition cannot be read for 30 s; `corrupt`; `stopped`; the signal's reason;
 * what `onProgress` throws.
 */
export async function verifyReplay(setup: ReplaySetup, options: ReplayOptions): Promise<Replayed> {
  const { ports, partitions, machines } = setup;
  const { onProgress, signal } = options;
  const replay = new Replay(machines, options.machines?.map(({ name }) => name) ?? null);
  for (const index of partitions.map.partitions) {
    const values = { partition: index };
    const about = { what: 'replay', key: `partition ${index}`, values, withinMs, signal };
    // All that there was when it began; what it then sees is never older.
    let consistency: Consistency = { staleMsMax: 0 };
    let at: Position | null = null;
    do {
      const look = async (leftMs: number): Promise<Looked | Again> => {
        const outcome = await partitions.at(index).read(consistency, { withinMs: leftMs });
        if (outcome.kind !== 'snapshot') return again(outcome, values);
        using snapshot = outcome;
        const begun = ports.clock.now();
        return { kind: 'looked', at: replay.look(snapshot, at, () => elapsedMs(begun, ports.clock.now()) >= lookMs) };
      };
      ({ at } = await deliver<Looked>(setup, about, look));
      consistency = { staleMsMax: Infinity };
      onProgress?.(replay.progress);
      await pause(ports.timers, 0, [signal]);
    } while (at !== null);
  }
  return replay.result();
}

interface Looked {
  readonly kind: 'looked';
  readonly at: Position | null;
}

/** Behind a stream, or within one. */
interface Position extends PlaceEntry {
  /** How far its events were folded; null: they all were. */
  readonly begun: Folded | null;
}

class Replay {
  readonly #machines: ReadonlyMap<string, AnyMachine>;
  /** Null: all. */
  readonly #wanted: readonly string[] | null;
  readonly #encoder = new ValueEncoder();
  readonly #decoder = new ValueDecoder();
  readonly #differing: ReplayDifference[] = [];
  readonly #counts = { streams: 0, events: 0, compared: 0, skipped: 0, differingCount: 0 };

  constructor(machines: ReadonlyMap<string, AnyMachine>, wanted: readonly string[] | null) {
    this.#machines = machines;
    this.#wanted = wanted;
  }

  get progress(): ReplayProgress {
    const { streams, events } = this.#counts;
    return { streams, events };
  }

  result(): Replayed {
    return { ...this.#counts, differing: this.#differing };
  }

  /** Goes on where a look ended, at another snapshot; null: the partition has no more. */
  look(reader: Reader, from: Position | null, isEnough: () => boolean): Position | null {
    const before = this.#counts.events;
    if (from !== null && from.begun !== null) {
      const begun = this.#further(reader, from, from.begun);
      if (begun !== null || isEnough()) return { ...from, begun };
    }
    let streams = 0;
    for (const { place, key } of reader.everywhere(stateSystem, from ?? undefined)) {
      if (place === null) continue; // none such: states are of places
      const begun = this.#begin(reader, { place, key });
      const taken = ++streams + this.#counts.events - before;
      if (begun !== null || taken >= lookCountMax || isEnough()) return { place, key, begun };
    }
    return null;
  }

  #begin(reader: Reader, { place, key }: PlaceEntry): Folded | null {
    const [machine] = nameOf(key);
    if (this.#wanted?.includes(machine) === false) return null;
    this.#counts.streams++;
    const code = this.#machines.get(machine);
    if (code !== undefined) return this.#further(reader, { place, key }, unfolded(code));
    this.#counts.skipped++;
    return null;
  }

  /** Null: all of its events were folded, and it was compared. */
  #further(reader: Reader, { place, key: stateKey }: PlaceEntry, begun: Folded): Folded | null {
    const [name, key] = nameOf(stateKey);
    const machine = this.#machines.get(name);
    const space: PlaceState = (system) => reader.system(system, place);
    const stored = machine === undefined ? null : storedOf(space, machine, key);
    if (machine === undefined || stored === null) return null;
    try {
      const folded = foldRows(space, machine, key, { begun, eventsMax: lookCountMax });
      this.#counts.events += folded.version - begun.version;
      if (folded.version > begun.version && folded.version < stored.version) return folded;
      this.#compare(machine, key, stored, folded);
    } catch (error) {
      if (!isOfCode(error)) throw error;
      this.#differs(machine, key, stored, { problem: `its events cannot be folded: ${asError(error).message}` });
    }
    return null;
  }

  #compare(machine: AnyMachine, key: string, stored: StoredInstance, { version, state: folded }: Folded): void {
    if (version !== stored.version)
      return this.#differs(machine, key, stored, { problem: `its events end at version ${version}`, folded });
    if (stored.codeVersion !== machine['~machine'].codeVersion) {
      this.#counts.skipped++;
      return;
    }
    this.#counts.compared++;
    if (!this.#isStoredAs(folded, stored.state))
      this.#differs(machine, key, stored, { problem: 'its events make another state', folded });
  }

  /** As a state reads back: what is undefined in it is left out. */
  #isStoredAs(folded: unknown, stored: unknown): boolean {
    const bytes = this.#encoder.encode(folded);
    if (equalBytes(bytes, this.#encoder.encode(stored))) return true;
    return isSameValue(this.#decoder.decode(bytes), stored as StoredValue); // it was read from a space
  }

  #differs(
    { name }: AnyMachine,
    key: string,
    { version, state }: StoredInstance,
    { problem, folded }: { readonly problem: string; readonly folded?: unknown },
  ): void {
    this.#counts.differingCount++;
    if (this.#differing.length >= differingMax) return;
    this.#differing.push({ machine: name, key, version, problem, stored: state, folded });
  }
}

/** Of a stored state. @throws LockstepError `corrupt`. */
function nameOf([machine, key]: Tuple): readonly [machine: string, key: string] {
  if (typeof machine === 'string' && typeof key === 'string') return [machine, key];
  throw new LockstepError('corrupt', 'the place of an instance is not what was written');
}

/** `evolve` may throw anything; what reading throws is not about code. */
const isOfCode = (error: unknown): boolean =>
  !isLockstepError(error) || error.kind === 'misuse' || error.kind === 'invalid';

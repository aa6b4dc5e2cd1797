import type { Env } from '../env/env.ts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Duration } from '../kernel/time.ts';
import type { CrashKind, PlannedStrike } from './machine.ts';
import type { FullAt } from './volume.ts';
import type { WebHandler } from './web.ts';

/**
 * What a scenario can do to a simulated world. Machines come to be when a service is first run on them. Names of
 * nodes are names of machines. All of it takes effect at once, at the world's present time.
 */
export interface World {
  readonly seed: number;
  /** The scenario's own chance: fixed by the seed, and drawn from by nobody else. */
  readonly random: SeededRandom;
  /** The machines so far, in the order of their making. */
  readonly nodes: readonly string[];
  /** Milliseconds of the world since the run began. No machine's clock shows it. */
  readonly nowMs: number;

  /**
   * Runs a service on a machine of its own (or `on` another's), from its start again whenever it crashed, until it
   * returns; the promise gives what it returned. A service that throws `disk-full` or `disk-failed` ends as if it
   * were killed, and is started again; anything else that it throws fails the run.
   */
  run<T>(name: string, service: (env: Env) => Promise<T>, options?: RunOptions): Promise<T>;
  /** A machine that answers `fetch` to the host of this name, at once: `http://payments.test/…` for `'payments.test'`. */
  serve(host: string, handler: WebHandler, options?: RunOptions): void;
  sleep(duration: Duration): Promise<void>;
  /** Looks after every event, until the condition holds; a `liveness` failure after `within` (default '60s'). */
  until(claim: string, condition: () => boolean, options?: { readonly within?: Duration }): Promise<void>;

  /** Cuts the links between the two, both ways or only from the first to the second. */
  cut(from: string, to: string, options?: { readonly oneWay?: boolean }): void;
  mend(from: string, to: string): void;
  /** Cuts the node off from all others. It does not notice. */
  isolate(node: string): void;
  /** Kills everything on the machine; it starts again after `restart` (default: as the weather has it), or with `'never'` at `heal`. */
  crash(node: string, options?: { readonly kind?: CrashKind; readonly restart?: Duration | 'never' }): void;
  /** Plans a crash at an effect of the node (see `effects`), right before or right after it: for trying every one. */
  crashAt(node: string, strike: PlannedStrike): void;
  /** How many effects the node has had: disk changes, syncs, sends. */
  effects(node: string): number;
  /** Stops the node as SIGSTOP does: time goes by, nothing happens there. */
  pause(node: string): void;
  resume(node: string): void;
  /** Aborts the `signal` of the services on the node, in a task of its own. */
  stop(node: string): void;
  /** Sets the node's wall clock this far from the world's time, and, if given, lets its clocks run at another rate (1 is right). */
  setClock(node: string, change: { readonly offMs: number; readonly rate?: number }): void;
  disk(node: string): DiskFaults;

  /** Ends all faults and the weather's part in them; machines that are down start again. From here on things must come to pass. */
  heal(): void;
  /**
   * Heals, then waits until nothing moves (no frame, no disk change, no job for one second) and every machine is up;
   * a `liveness` failure after `within` (default '60s'), naming what still waits and on whom. With heartbeats
   * something always moves: use `until` then.
   */
  settle(options?: { readonly within?: Duration }): Promise<void>;

  /** Checked after every event, from now on: `safety` fails when it is false or throws. */
  always(claim: string, check: () => boolean): void;
  /** Ends the run as a `safety` failure. */
  fail(claim: string): never;
  /** A line in the trace and the diagram. */
  note(node: string, text: string): void;
}

export interface RunOptions {
  /** Another machine's name, to share its disk, its clock and its crashes. Default: a machine of this name. */
  readonly on?: string;
  /** The weather never crashes or pauses this machine nor harms its disk and clock: for the clients of a test. Default false. */
  readonly steady?: boolean;
}

/** What can befall a machine's disk. */
export interface DiskFaults {
  /** The next syncs (one by default) fail: what they should have made durable is lost, though it still reads back. */
  failSyncs(count?: number): void;
  /** No file can grow any more; `sync`: writes seem to work, and the sync fails. */
  fill(at?: FullAt): void;
  free(): void;
  /** So many times slower; 1 is as usual. */
  slow(factor: number): void;
  /** Flips a bit, anywhere or at a place; where it did, or null when there was nothing to flip. */
  rot(path?: string, position?: number): { readonly path: string; readonly position: number } | null;
  /** What would be left of a file if the power went now and nothing unsynced were kept; null: no such file. */
  durable(path: string): Uint8Array | null;
}

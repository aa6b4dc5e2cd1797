import type { SeededRandom } from '../kernel/random.ts';
import { SimClock } from './clock.ts';
import { Crashed } from './crashed.ts';
import type { Timeline } from './timeline.ts';
import type { Volume } from './volume.ts';
import type { Weather } from './weather.ts';

/**
 * A machine: a clock, a disk that outlives crashes, a place in the network; and the processes that run on it. A
 * process is one incarnation of a service: when it crashes, its handles are dead for good and a restart makes another.
 */
export type CrashKind = 'process' | 'power';

export type Restart = number | 'as the weather has it' | 'never';

/** Where a planned crash strikes: at the effect of this count (from 1), before or after it. */
export interface PlannedStrike {
  readonly effect: number;
  readonly when: 'before' | 'after';
  readonly kind: CrashKind;
}

export class Machine {
  readonly name: string;
  readonly timeline: Timeline;
  readonly weather: Weather;
  readonly random: SeededRandom;
  readonly clock: SimClock;
  readonly volume: Volume;
  /** Never crashed, paused or harmed by the weather; its network is. */
  readonly steady: boolean;
  readonly processes: Set<Process> = new Set();
  /** Who shows at which path that it runs. */
  readonly beacons: Map<string, Process> = new Map();
  /** Processes so far. */
  processCount = 0;
  up = true;
  /** Counts starts of the machine: what was under way in an earlier one is gone. */
  boot = 1;
  /** Effects so far: disk changes, syncs, sends. A planned strike counts by it. */
  effectCount = 0;
  plannedStrike: PlannedStrike | null = null;
  /** Chance that an effect is struck by a crash; the storm sets it. */
  strikeChance = 0;
  /** Called after a crash, to start the machine again: after so many milliseconds, as the weather has it, or never. */
  onCrash: (restart: Restart) => void = () => undefined;
  #paused = false;
  #backlog: { readonly process: Process; readonly run: () => void }[] = [];

  constructor(
    name: string,
    timeline: Timeline,
    weather: Weather,
    random: SeededRandom,
    volume: Volume,
    steady: boolean,
  ) {
    this.name = name;
    this.timeline = timeline;
    this.weather = weather;
    this.random = random;
    this.clock = new SimClock(timeline);
    this.volume = volume;
    this.steady = steady;
  }

  get paused(): boolean {
    return this.#paused;
  }

  pause(): void {
    if (this.#paused || !this.up) return;
    this.#paused = true;
    this.timeline.record('pause', this.name, 'paused');
  }

  /** Everything that came due meanwhile happens now, in its order. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.timeline.record('resume', this.name, 'resumed');
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const { process, run } of backlog) this.timeline.after(0, () => process.notify(run));
  }

  park(process: Process, run: () => void): void {
    this.#backlog.push({ process, run });
  }

  /**
   * `process`: as by kill -9, what was written stays. `power`: of what was not synced any subset stays, torn at
   * sectors, and the network hears nothing.
   */
  crash(kind: CrashKind, restart: Restart = 'as the weather has it'): void {
    if (!this.up) return;
    this.#paused = false;
    this.#backlog = [];
    this.timeline.record('crash', this.name, kind === 'power' ? 'lost power' : 'killed');
    const dying = [...this.processes];
    this.processes.clear();
    for (const process of dying) process.die(kind);
    this.up = false;
    if (kind === 'power') {
      this.boot++;
      this.volume.losePower();
      this.clock.reboot();
    }
    this.onCrash(restart);
  }

  /** Whether a crash strikes at this effect. The one that calls must crash the machine and not go on. */
  nextStrike(): { readonly when: 'before' | 'after'; readonly kind: CrashKind } | null {
    this.effectCount++;
    const planned = this.plannedStrike;
    if (planned !== null && planned.effect === this.effectCount) {
      this.plannedStrike = null;
      return planned;
    }
    if (this.strikeChance === 0 || this.steady || !this.random.chance(this.strikeChance)) return null;
    return {
      when: this.random.chance(0.5) ? 'before' : 'after',
      kind: this.random.chance(this.weather.powerShare) ? 'power' : 'process',
    };
  }
}

export class Process {
  readonly machine: Machine;
  readonly name: string;
  readonly incarnation: number;
  /** Its number on its machine; no other process has it later. */
  readonly pid: number;
  readonly random: SeededRandom;
  /** What its asynchronous calls wait for, told when a run gets stuck. */
  readonly pending: Set<Pending> = new Set();
  readonly #onDeath = new Set<(kind: CrashKind) => void>();
  #alive = true;

  constructor(machine: Machine, name: string, incarnation: number) {
    this.machine = machine;
    this.name = name;
    this.incarnation = incarnation;
    this.pid = ++machine.processCount;
    this.random = machine.random.fork(`process/${name}/${incarnation}`);
    machine.processes.add(this);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Opens every synchronous call: the dead do nothing. */
  check(): void {
    if (!this.#alive) throw new Crashed(this.machine.name);
  }

  /** Told once, when this incarnation crashes or ends, in order of registration; the answer takes it back. */
  onDeath(run: (kind: CrashKind) => void): () => void {
    this.#onDeath.add(run);
    return () => void this.#onDeath.delete(run);
  }

  die(kind: CrashKind): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.pending.clear();
    for (const run of this.#onDeath) run(kind);
    this.#onDeath.clear();
  }

  /** The end of a process that was not crashed: its handles die, its connections close. */
  end(): void {
    this.machine.processes.delete(this);
    this.die('process');
  }

  /** Runs service code, in the event that is being performed: now, when its machine resumes, or never. */
  notify(run: () => void): void {
    if (!this.#alive) return;
    if (this.machine.paused) this.machine.park(this, run);
    else run();
  }

  /** A synchronous call with an effect: a crash may strike before or after it, and is thrown to the caller. */
  effect<T>(apply: () => T): T {
    this.check();
    const strike = this.machine.nextStrike();
    if (strike === null) return apply();
    if (strike.when === 'after') apply();
    this.machine.crash(strike.kind);
    throw new Crashed(this.machine.name);
  }

  /** The same for a call that answers by a promise: after a crash it just never settles. */
  act(apply: () => void): void {
    if (!this.#alive) return;
    try {
      this.effect(apply);
    } catch (error) {
      if (!(error instanceof Crashed)) throw error;
    }
  }

  /**
   * An asynchronous call: does `apply` after `delayMs` unless the machine lost power meanwhile, and then settles the
   * promise if this process still lives. A crash may strike before or after the effect.
   */
  later<T>(what: string, delayMs: number, apply: () => T): Promise<T> {
    const { machine } = this;
    if (!this.#alive) return new Promise(() => undefined);
    const { boot } = machine;
    return new Promise<T>((resolve, reject) => {
      const pending = this.wait(what);
      machine.timeline.after(delayMs, () => {
        if (machine.boot !== boot) return;
        const strike = this.#alive ? machine.nextStrike() : null;
        if (strike?.when === 'before') return machine.crash(strike.kind);
        const settle = attempt(apply, resolve, reject);
        if (strike !== null) return machine.crash(strike.kind);
        this.pending.delete(pending);
        this.notify(settle);
      });
    });
  }

  /** Puts a wait on the list until it is deleted from `pending`. */
  wait(what: string): Pending {
    const pending: Pending = { what, sinceMs: this.machine.timeline.nowMs };
    this.pending.add(pending);
    return pending;
  }
}

export interface Pending {
  readonly what: string;
  readonly sinceMs: number;
}

function attempt<T>(apply: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const value = apply();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}

import type { Env } from '../env/env.ts';
import { assert } from '../kernel/assert.ts';
import { SeededRandom } from '../kernel/random.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import { Cast } from './cast.ts';
import { Fabric } from './fabric.ts';
import type { Verdict } from './failure.ts';
import type { CrashKind, Machine, PlannedStrike } from './machine.ts';
import { Storm } from './storm.ts';
import { Timeline } from './timeline.ts';
import { Web, type WebHandler } from './web.ts';
import type { Weather } from './weather.ts';
import type { DiskFaults, RunOptions, World } from './world.ts';

/**
 * One run of one seed: the world as the scenario sees it. It performs nothing by itself:
 * `drive.ts` steps its timeline.
 */
export interface Found {
  readonly verdict: Verdict;
  readonly what: string;
  readonly cause: unknown;
}

/** A claim that is put into words when it is told: what is in its way then. */
export type Claim = string | (() => string);

const textOf = (claim: Claim): string => (typeof claim === 'string' ? claim : claim());

interface Watch {
  readonly claim: Claim;
  readonly holds: () => boolean;
}

export class Run implements World {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly timeline: Timeline;
  readonly weather: Weather;
  readonly #machines = new Map<string, Machine>();
  readonly #fabric: Fabric;
  readonly #storm: Storm;
  readonly #cast: Cast;
  readonly #always: Watch[] = [];
  readonly #until = new Set<Watch & { readonly done: () => void }>();
  #found: Found | null = null;

  constructor(seed: number, weather: Weather, traceCountMax: number) {
    this.seed = seed;
    this.weather = weather;
    this.timeline = new Timeline(traceCountMax);
    const { timeline } = this;
    const machines = this.#machines;
    const seeded = new SeededRandom(seed);
    this.random = seeded.fork('scenario');
    const fabric = new Fabric(timeline, weather, machines, seeded.fork('fabric'));
    const storm = new Storm(timeline, weather, seeded.fork('storm'), machines, fabric);
    const onThrow = (service: string, error: unknown): void => this.#onThrow(service, error);
    this.#fabric = fabric;
    this.#storm = storm;
    this.#cast = new Cast({ timeline, weather, seeded, machines, fabric, storm, onThrow }, new Web(fabric));
  }

  get nodes(): readonly string[] {
    return [...this.#machines.keys()];
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  get found(): Found | null {
    return this.#found;
  }

  run<T>(name: string, service: (env: Env) => Promise<T>, options: RunOptions = {}): Promise<T> {
    return this.#cast.run(name, service, options);
  }

  serve(host: string, handler: WebHandler, options: RunOptions = {}): void {
    this.#cast.serve(host, handler, options);
  }

  sleep(duration: Duration): Promise<void> {
    return new Promise((resolve) => this.timeline.after(durationMs(duration), resolve));
  }

  async until(claim: Claim, condition: () => boolean, options: { readonly within?: Duration } = {}): Promise<void> {
    const { within = '60s' } = options;
    return new Promise((resolve) => {
      const timeout = this.timeline.after(durationMs(within), () =>
        this.find('liveness', `this did not come to pass within ${within}: ${textOf(claim)}`, undefined),
      );
      const watch = {
        claim,
        holds: condition,
        done: () => {
          timeout.cancel();
          this.#until.delete(watch);
          resolve();
        },
      };
      this.#until.add(watch);
    });
  }

  cut(from: string, to: string, options: { readonly oneWay?: boolean } = {}): void {
    this.#fabric.cut(from, to);
    if (options.oneWay !== true) this.#fabric.cut(to, from);
  }

  mend(from: string, to: string): void {
    this.#fabric.mend(from, to);
    this.#fabric.mend(to, from);
  }

  isolate(node: string): void {
    const { name } = this.#cast.machine(node);
    for (const other of this.nodes) if (other !== name) this.cut(name, other);
  }

  crash(node: string, options: { readonly kind?: CrashKind; readonly restart?: Duration | 'never' } = {}): void {
    const { kind = 'process', restart } = options;
    const how = restart === undefined ? 'as the weather has it' : restart === 'never' ? 'never' : durationMs(restart);
    this.#cast.machine(node).crash(kind, how);
  }

  crashAt(node: string, strike: PlannedStrike): void {
    const machine = this.#cast.machine(node);
    assert(strike.effect > machine.effectCount, 'a planned crash lies ahead');
    machine.plannedStrike = strike;
  }

  effects(node: string): number {
    return this.#cast.machine(node).effectCount;
  }

  pause(node: string): void {
    this.#cast.machine(node).pause();
  }

  resume(node: string): void {
    this.#cast.machine(node).resume();
  }

  stop(node: string): void {
    const machine = this.#cast.machine(node);
    this.note(node, 'asked to stop');
    this.#cast.stop(machine);
  }

  setClock(node: string, change: { readonly offMs: number; readonly rate?: number }): void {
    const { clock, name } = this.#cast.machine(node);
    clock.setWallOff(change.offMs);
    if (change.rate !== undefined) clock.drift(change.rate);
    this.timeline.record('clock', name, `wall clock set, now ${change.offMs} ms off, rate ${clock.rate}`);
  }

  disk(node: string): DiskFaults {
    const { volume, name } = this.#cast.machine(node);
    const fault = (text: string): void => this.timeline.record('fault', name, text);
    return {
      failSyncs: (count = 1) => void (volume.syncFailures += count),
      fill: (at = 'write') => {
        volume.fullAt = at;
        fault(`disk full, said at ${at}`);
      },
      free: () => {
        volume.fullAt = null;
        fault('disk has space again');
      },
      slow: (factor) => void (volume.slowness = factor),
      rot: (path, position) => {
        const where = volume.rot(path ?? null, position ?? null);
        if (where !== null) fault(`rot in ${where.path} at ${where.position}`);
        return where;
      },
      durable: (path) => volume.durableBytes(path),
    };
  }

  heal(): void {
    this.#storm.end();
    this.timeline.record('note', 'world', 'healed: no more faults');
    this.#cast.bootAll();
  }

  async settle(options: { readonly within?: Duration } = {}): Promise<void> {
    this.heal();
    const { within = '60s' } = options;
    let moved = -1;
    let stillSinceMs = this.nowMs;
    await this.until(
      'nothing moves',
      () => {
        if (moved !== this.timeline.movedCount) {
          moved = this.timeline.movedCount;
          stillSinceMs = this.nowMs;
          // Something must come due for the stillness to be noticed.
          this.timeline.after(stillForMs, () => undefined);
        }
        return this.nowMs - stillSinceMs >= stillForMs;
      },
      { within },
    );
  }

  always(claim: string, check: () => boolean): void {
    this.#always.push({ claim, holds: check });
  }

  fail(claim: string): never {
    this.find('safety', claim, undefined);
    throw new RunEnded();
  }

  note(node: string, text: string): void {
    this.timeline.record('note', node, text);
  }

  /** The first thing that is found ends the run. */
  find(verdict: Verdict, what: string, cause: unknown): void {
    if (this.#found !== null) return;
    this.#found = { verdict, what, cause };
    this.timeline.record('fail', 'world', what);
  }

  /** Looks at everything that must hold, or is waited for, after an event. `woke`: somebody must be given a turn first. */
  look(): 'woke' | 'nothing' {
    for (const { claim, holds } of this.#always) {
      if (!this.#holds('safety', claim, holds))
        this.find('safety', `this must always hold, and does not: ${textOf(claim)}`, undefined);
    }
    let woke: 'woke' | 'nothing' = 'nothing';
    for (const { claim, holds, done } of this.#until) {
      if (!this.#holds('scenario', claim, holds)) continue;
      done();
      woke = 'woke';
    }
    return woke;
  }

  /** Everything that could differ between two runs of this seed, in sixteen digits. */
  fingerprint(): string {
    const { fingerprint } = this.timeline;
    fingerprint.number(this.nowMs);
    fingerprint.word(this.timeline.performedCount);
    fingerprint.word(this.random.uint32());
    for (const machine of this.#machines.values()) fingerprint.word(machine.random.uint32());
    return fingerprint.toString();
  }

  /** A line for each thing that a living process waits for, oldest first. */
  waits(): readonly string[] {
    return this.#cast.waits();
  }

  close(): void {
    this.#cast.close();
  }

  #onThrow(service: string, error: unknown): void {
    if (error instanceof RunEnded) return;
    this.find('threw', `service ${service} threw: ${error instanceof Error ? error.message : String(error)}`, error);
  }

  #holds(verdict: Verdict, claim: Claim, check: () => boolean): boolean {
    try {
      return check();
    } catch (error) {
      this.find(verdict, `looking whether this holds threw: ${textOf(claim)}`, error);
      return false;
    }
  }
}

const stillForMs = 1_000;

/** Thrown by `World.fail` to leave the scenario; the run has ended by then. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded';
}

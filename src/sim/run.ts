import type { Env } from '../env/env.ts';
import { assert } from '../kernel/assert.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { SeededRandom } from '../kernel/random.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import { Crashed } from './crashed.ts';
import { Fabric } from './fabric.ts';
import type { Verdict } from './failure.ts';
import { Machine, Process, type CrashKind, type PlannedStrike } from './machine.ts';
import { simEnv } from './env.ts';
import { Storm } from './storm.ts';
import { Timeline } from './timeline.ts';
import { Volume } from './volume.ts';
import { Web, type WebHandler } from './web.ts';
import type { Weather } from './weather.ts';
import type { DiskFaults, RunOptions, World } from './world.ts';

/**
 * One run of one seed: the world as the scenario sees it, and who is running where. It performs nothing by itself:
 * `drive.ts` steps its timeline.
 */
export interface Found {
  readonly verdict: Verdict;
  readonly what: string;
  readonly cause: unknown;
}

interface Running {
  readonly name: string;
  readonly machine: Machine;
  /** Starts an incarnation. */
  readonly start: (process: Process, env: Env) => void;
  incarnations: number;
  /** The living incarnation and what stops it. */
  current: { readonly process: Process; readonly stop: AbortController } | null;
  ended: boolean;
}

interface Watch {
  readonly claim: string;
  readonly holds: () => boolean;
}

export class Run implements World {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly timeline: Timeline;
  readonly weather: Weather;
  readonly #seeded: SeededRandom;
  readonly #machines = new Map<string, Machine>();
  readonly #fabric: Fabric;
  readonly #web: Web;
  readonly #storm: Storm;
  readonly #running: Running[] = [];
  readonly #always: Watch[] = [];
  readonly #until = new Set<Watch & { readonly done: () => void }>();
  readonly #restarts: SeededRandom;
  #found: Found | null = null;

  constructor(seed: number, weather: Weather, traceCountMax: number) {
    this.seed = seed;
    this.weather = weather;
    this.#seeded = new SeededRandom(seed);
    this.random = this.#seeded.fork('scenario');
    this.#restarts = this.#seeded.fork('restarts');
    this.timeline = new Timeline(traceCountMax);
    this.#fabric = new Fabric(this.timeline, weather, this.#machines, this.#seeded.fork('fabric'));
    this.#web = new Web(this.#fabric);
    this.#storm = new Storm(this.timeline, weather, this.#seeded.fork('storm'), this.#machines, this.#fabric);
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
    return new Promise<T>((resolve) => {
      this.#launch(name, options, (process, env, running) => {
        void this.#perform(running, process, () => service(env)).then((outcome) => {
          if (outcome === null) return;
          running.ended = true;
          process.end();
          this.timeline.record('end', process.machine.name, `${name} has returned`);
          resolve(outcome.value);
        });
      });
    });
  }

  serve(host: string, handler: WebHandler, options: RunOptions = {}): void {
    this.#launch(
      host,
      options,
      (process, env, running) => {
        const answer = async (request: Request): Promise<Response> => {
          const outcome = await this.#perform(running, process, async () => handler(request, env));
          return outcome === null ? new Promise(() => undefined) : outcome.value;
        };
        this.#web.serve(host, { process, answer });
      },
      'now',
    );
  }

  sleep(duration: Duration): Promise<void> {
    return new Promise((resolve) => this.timeline.after(durationMs(duration), resolve));
  }

  async until(claim: string, condition: () => boolean, options: { readonly within?: Duration } = {}): Promise<void> {
    const { within = '60s' } = options;
    return new Promise((resolve) => {
      const timeout = this.timeline.after(durationMs(within), () =>
        this.find('liveness', `this did not come to pass within ${within}: ${claim}`, undefined),
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
    const { name } = this.#machine(node);
    for (const other of this.nodes) if (other !== name) this.cut(name, other);
  }

  crash(node: string, options: { readonly kind?: CrashKind; readonly restart?: Duration | 'never' } = {}): void {
    const { kind = 'process', restart } = options;
    const how = restart === undefined ? 'as the weather has it' : restart === 'never' ? 'never' : durationMs(restart);
    this.#machine(node).crash(kind, how);
  }

  crashAt(node: string, strike: PlannedStrike): void {
    const machine = this.#machine(node);
    assert(strike.effect > machine.effectCount, 'a planned crash lies ahead');
    machine.plannedStrike = strike;
  }

  effects(node: string): number {
    return this.#machine(node).effectCount;
  }

  pause(node: string): void {
    this.#machine(node).pause();
  }

  resume(node: string): void {
    this.#machine(node).resume();
  }

  stop(node: string): void {
    const machine = this.#machine(node);
    this.note(node, 'asked to stop');
    for (const { current } of this.#running.filter((running) => running.machine === machine)) {
      if (current === null) continue;
      this.timeline.after(0, () =>
        current.process.notify(() => current.stop.abort(new LockstepError('stopped', 'the process was asked to stop'))),
      );
    }
  }

  setClock(node: string, change: { readonly offMs: number; readonly rate?: number }): void {
    const { clock, name } = this.#machine(node);
    clock.setWallOff(change.offMs);
    if (change.rate !== undefined) clock.drift(change.rate);
    this.timeline.record('clock', name, `wall clock set, now ${change.offMs} ms off, rate ${clock.rate}`);
  }

  disk(node: string): DiskFaults {
    const { volume, name } = this.#machine(node);
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
    for (const machine of this.#machines.values()) if (!machine.up) this.#boot(machine);
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
        this.find('safety', `this must always hold, and does not: ${claim}`, undefined);
    }
    let woke: 'woke' | 'nothing' = 'nothing';
    for (const { claim, holds, done } of this.#until) {
      if (!this.#holds('scenario', claim, holds)) continue;
      done();
      woke = 'woke';
    }
    return woke;
  }

  /** A line for each thing that a living process waits for, oldest first. */
  waits(): readonly string[] {
    const all = this.#running.flatMap(({ current, machine }) =>
      [...(current?.process.pending ?? [])].map((pending) => ({ node: machine.name, ...pending })),
    );
    const down = [...this.#machines.values()]
      .filter((machine) => !machine.up)
      .map((machine) => `${machine.name} is down`);
    const lines = all
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map(({ node, what, sinceMs }) => `${node} waits for ${what} since ${(sinceMs / 1_000).toFixed(3)} s`);
    return [...down, ...lines];
  }

  /** Everything that could differ between two runs of this seed, in sixteen digits. */
  fingerprint(): string {
    const { fingerprint } = this.timeline;
    fingerprint.number(this.nowMs);
    fingerprint.word(this.timeline.performedCount);
    fingerprint.word(this.random.uint32());
    for (const machine of this.#machines.values()) {
      fingerprint.word(machine.random.uint32());
      for (const process of machine.processes) fingerprint.word(process.random.uint32());
    }
    return fingerprint.toString();
  }

  /** Lets go of every process, so that nothing of this run can do anything any more. */
  close(): void {
    for (const machine of this.#machines.values()) {
      machine.onCrash = () => undefined;
      for (const process of [...machine.processes]) process.end();
    }
  }

  #launch(
    name: string,
    { on, steady = false }: RunOptions,
    start: (process: Process, env: Env, running: Running) => void,
    when: 'now' | 'soon' = 'soon',
  ): void {
    const machine = this.#machines.get(on ?? name) ?? this.#makeMachine(on ?? name, steady);
    const taken = this.#running.some(
      (running) => running.machine === machine && running.name === name && !running.ended,
    );
    if (taken) throw new LockstepError('misuse', 'a service of this name runs on this machine', { values: { name } });
    const running: Running = {
      name,
      machine,
      start: (process, env) => start(process, env, running),
      incarnations: 0,
      current: null,
      ended: false,
    };
    this.#running.push(running);
    if (when === 'now' && machine.up) this.#start(running);
    else this.timeline.after(0, () => this.#start(running));
  }

  #start(running: Running): void {
    const { machine, name } = running;
    if (!machine.up || running.ended || running.current?.process.alive === true) return;
    const process = new Process(machine, name, ++running.incarnations);
    const stop = new AbortController();
    running.current = { process, stop };
    this.timeline.record('start', machine.name, running.incarnations === 1 ? `${name} starts` : `${name} starts again`);
    running.start(process, simEnv(process, this.#fabric, this.#web, stop.signal));
  }

  /** Runs service code to its end. Null: there is nothing more to expect of this incarnation. */
  async #perform<T>(running: Running, process: Process, work: () => Promise<T>): Promise<{ readonly value: T } | null> {
    try {
      const value = await work();
      return process.alive ? { value } : null;
    } catch (error) {
      if (error instanceof Crashed || error instanceof RunEnded || !process.alive) return null;
      if (!isLockstepError(error, 'disk-full') && !isLockstepError(error, 'disk-failed')) {
        this.find(
          'threw',
          `service ${running.name} threw: ${error instanceof Error ? error.message : String(error)}`,
          error,
        );
        return null;
      }
      this.timeline.record('crash', running.machine.name, `${running.name} gave up: ${error.kind}`);
      process.end();
      this.timeline.after(this.#restarts.between(...this.weather.restartAfterMs), () => this.#start(running));
      return null;
    }
  }

  #holds(verdict: Verdict, claim: string, check: () => boolean): boolean {
    try {
      return check();
    } catch (error) {
      this.find(verdict, `looking whether this holds threw: ${claim}`, error);
      return false;
    }
  }

  #boot(machine: Machine): void {
    if (machine.up) return;
    machine.up = true;
    for (const running of this.#running) if (running.machine === machine) this.#start(running);
  }

  #machine(node: string): Machine {
    const machine = this.#machines.get(node);
    if (machine !== undefined) return machine;
    throw new LockstepError('misuse', 'no service runs on a machine of this name yet', {
      values: { node, nodes: this.nodes.join(', ') },
    });
  }

  #makeMachine(name: string, steady: boolean): Machine {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) {
      throw new LockstepError('misuse', "a machine's name is made of letters, digits, '.', '-' and '_'", {
        values: { name },
      });
    }
    const random = this.#seeded.fork(`machine/${name}`);
    const machine = new Machine(name, this.timeline, this.weather, random, new Volume(random.fork('volume')), steady);
    machine.onCrash = (restart) => {
      if (restart === 'never') return;
      const delayMs = typeof restart === 'number' ? restart : this.#restarts.between(...this.weather.restartAfterMs);
      this.timeline.after(delayMs, () => this.#boot(machine));
    };
    this.#machines.set(name, machine);
    this.#storm.meet(machine);
    return machine;
  }
}

const stillForMs = 1_000;

/** Thrown by `World.fail` to leave the scenario; the run has ended by then. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded';
}

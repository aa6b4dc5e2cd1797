import type { Env } from '../env/env.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { SeededRandom } from '../kernel/random.ts';
import { Crashed } from './crashed.ts';
import { simEnv } from './env.ts';
import type { Fabric } from './fabric.ts';
import { Machine, Process } from './machine.ts';
import type { Storm } from './storm.ts';
import type { Timeline } from './timeline.ts';
import { Volume } from './volume.ts';
import type { Web, WebHandler } from './web.ts';
import type { Weather } from './weather.ts';
import type { RunOptions } from './world.ts';

/**
 * Who plays in a run: the machines, which service is to run on each, and its living incarnation. Starts what a crash
 * has ended, and tells what a service throws that is not its environment's doing.
 */
export interface CastOptions {
  readonly timeline: Timeline;
  readonly weather: Weather;
  readonly seeded: SeededRandom;
  readonly machines: Map<string, Machine>;
  readonly fabric: Fabric;
  readonly storm: Storm;
  readonly onThrow: (service: string, error: unknown) => void;
}

interface Role {
  readonly name: string;
  readonly machine: Machine;
  /** Starts an incarnation. */
  readonly start: (process: Process, env: Env) => void;
  incarnations: number;
  /** The living incarnation and what stops it. */
  current: { readonly process: Process; readonly stop: AbortController } | null;
  ended: boolean;
}

export class Cast {
  readonly #options: CastOptions;
  readonly #web: Web;
  readonly #restarts: SeededRandom;
  readonly #roles: Role[] = [];

  constructor(options: CastOptions, web: Web) {
    this.#options = options;
    this.#web = web;
    this.#restarts = options.seeded.fork('restarts');
  }

  run<T>(name: string, service: (env: Env) => Promise<T>, options: RunOptions): Promise<T> {
    return new Promise<T>((resolve) => {
      const role = this.#launch(name, options, (process, env) => {
        void this.#perform(role, process, () => service(env)).then((outcome) => {
          if (outcome === null) return;
          role.ended = true;
          process.end();
          this.#options.timeline.record('end', process.machine.name, `${name} has returned`);
          resolve(outcome.value);
        });
      });
      this.#options.timeline.after(0, () => this.#start(role));
    });
  }

  serve(host: string, handler: WebHandler, options: RunOptions): void {
    const role = this.#launch(host, options, (process, env) => {
      const answer = async (request: Request): Promise<Response> => {
        const outcome = await this.#perform(role, process, async () => handler(request, env));
        return outcome === null ? new Promise(() => undefined) : outcome.value;
      };
      this.#web.serve(host, { process, answer });
    });
    this.#start(role);
  }

  /** Aborts the signals of what runs on the machine, each in a task of its own. */
  stop(machine: Machine): void {
    for (const { current } of this.#roles.filter((role) => role.machine === machine)) {
      if (current === null) continue;
      this.#options.timeline.after(0, () =>
        current.process.notify(() => current.stop.abort(new LockstepError('stopped', 'the process was asked to stop'))),
      );
    }
  }

  bootAll(): void {
    for (const machine of this.#options.machines.values()) this.#boot(machine);
  }

  /** Lets go of every process, so that nothing of this run can do anything any more. */
  close(): void {
    for (const machine of this.#options.machines.values()) {
      machine.onCrash = () => undefined;
      for (const process of [...machine.processes]) process.end();
    }
  }

  /** A line for each thing that a living process waits for, oldest first. */
  waits(): readonly string[] {
    const all = this.#roles.flatMap(({ current, machine }) =>
      [...(current?.process.pending ?? [])].map((pending) => ({ node: machine.name, ...pending })),
    );
    const down = [...this.#options.machines.values()].filter((machine) => !machine.up);
    const lines = all
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map(({ node, what, sinceMs }) => `${node} waits for ${what} since ${(sinceMs / 1_000).toFixed(3)} s`);
    return [...down.map(({ name }) => `${name} is down`), ...lines];
  }

  machine(node: string): Machine {
    const { machines } = this.#options;
    const machine = machines.get(node);
    if (machine !== undefined) return machine;
    throw new LockstepError('misuse', 'no service runs on a machine of this name yet', {
      values: { node, nodes: [...machines.keys()].join(', ') },
    });
  }

  #launch(name: string, { on, steady = false }: RunOptions, start: Role['start']): Role {
    const machine = this.#options.machines.get(on ?? name) ?? this.#makeMachine(on ?? name, steady);
    if (this.#roles.some((role) => role.machine === machine && role.name === name && !role.ended)) {
      throw new LockstepError('misuse', 'a service of this name runs on this machine', { values: { name } });
    }
    const role: Role = { name, machine, start, incarnations: 0, current: null, ended: false };
    this.#roles.push(role);
    return role;
  }

  #start(role: Role): void {
    const { machine, name } = role;
    const { timeline, fabric } = this.#options;
    if (!machine.up || role.ended || role.current?.process.alive === true) return;
    const process = new Process(machine, name, ++role.incarnations);
    const stop = new AbortController();
    role.current = { process, stop };
    timeline.record('start', machine.name, role.incarnations === 1 ? `${name} starts` : `${name} starts again`);
    role.start(process, simEnv(process, fabric, this.#web, stop.signal));
  }

  /** Runs service code to its end. Null: there is nothing more to expect of this incarnation. */
  async #perform<T>(role: Role, process: Process, work: () => Promise<T>): Promise<{ readonly value: T } | null> {
    try {
      const value = await work();
      return process.alive ? { value } : null;
    } catch (error) {
      if (error instanceof Crashed || !process.alive) return null;
      if (isLockstepError(error, 'disk-full') || isLockstepError(error, 'disk-failed')) {
        this.#options.timeline.record('crash', role.machine.name, `${role.name} gave up: ${error.kind}`);
        process.end();
        this.#options.timeline.after(this.#restartAfterMs(), () => this.#start(role));
      } else this.#options.onThrow(role.name, error);
      return null;
    }
  }

  #boot(machine: Machine): void {
    if (machine.up) return;
    machine.up = true;
    for (const role of this.#roles) if (role.machine === machine) this.#start(role);
  }

  #makeMachine(name: string, steady: boolean): Machine {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) {
      throw new LockstepError('misuse', "a machine's name is made of letters, digits, '.', '-' and '_'", {
        values: { name },
      });
    }
    const { seeded, timeline, weather, machines, storm } = this.#options;
    const random = seeded.fork(`machine/${name}`);
    const machine = new Machine(name, timeline, weather, random, new Volume(random.fork('volume')), steady);
    machine.onCrash = (restart) => {
      if (restart === 'never') return;
      timeline.after(typeof restart === 'number' ? restart : this.#restartAfterMs(), () => this.#boot(machine));
    };
    machines.set(name, machine);
    storm.meet(machine);
    return machine;
  }

  #restartAfterMs(): number {
    return this.#restarts.between(...this.#options.weather.restartAfterMs);
  }
}

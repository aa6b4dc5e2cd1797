import type { Env } from '../env/env.ts';
import type { Fabric } from './fabric.ts';
import type { Process } from './machine.ts';

/** The simulated web: which process answers for a host, and how a request and its answer cross the fabric. */
export type WebHandler = (request: Request, env: Env) => Response | Promise<Response>;

export interface WebHost {
  readonly process: Process;
  readonly answer: (request: Request) => Promise<Response>;
}

export interface Letter {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer> | null;
}

export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

export class Web {
  readonly fabric: Fabric;
  readonly #hosts = new Map<string, WebHost>();

  constructor(fabric: Fabric) {
    this.fabric = fabric;
  }

  serve(name: string, host: WebHost): void {
    this.#hosts.set(name, host);
    host.process.onDeath(() => {
      if (this.#hosts.get(name) === host) this.#hosts.delete(name);
    });
  }

  host(name: string): WebHost | undefined {
    return this.#hosts.get(name);
  }

  /** Carries `run` to the other machine after a delay; a cut link or a lost packet means that it never arrives. */
  carry(from: string, to: string, what: string, run: () => void, fail: () => void): void {
    const { timeline } = this.fabric;
    const message = timeline.nextMessage();
    timeline.record('send', from, what, to, message);
    if (this.fabric.loses()) {
      timeline.record('lost', to, what, from, message);
      timeline.after(this.fabric.breakAfterMs(), fail);
      return;
    }
    timeline.after(this.fabric.latencyMs(), () => {
      if (this.fabric.isCut(from, to) || this.fabric.machines.get(to)?.up === false) {
        timeline.record('lost', to, what, from, message);
        timeline.after(this.fabric.breakAfterMs(), fail);
        return;
      }
      timeline.record('deliver', to, what, from, message);
      run();
    });
  }
}

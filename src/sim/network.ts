import type { ConnectOptions, FrameStream, Listener, Network, NodeAddress } from '../env/network.ts';
import { parseAddress } from '../env/address.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { Fabric, Listening } from './fabric.ts';
import type { Process } from './machine.ts';
import { SimStream } from './stream.ts';

/** A process' view of the network: it listens on its machine's name and connects to others over the fabric. */
const connectWithinMs = 5_000;
const retrySynMs = 200;
const firstEphemeralPort = 49_152;

export class SimNetwork implements Network {
  readonly #process: Process;
  readonly #fabric: Fabric;

  constructor(process: Process, fabric: Fabric) {
    this.#process = process;
    this.#fabric = fabric;
  }

  async listen(address: NodeAddress, onStream: (stream: FrameStream) => void): Promise<Listener> {
    const { host, port } = parseAddress(address);
    const process = this.#process;
    if (host !== process.machine.name) {
      throw new LockstepError('misuse', 'a machine listens on its own name', {
        values: { address, machine: process.machine.name },
      });
    }
    return process.later(`listen on ${address}`, 0, () => {
      process.check(); // who was killed meanwhile listens nowhere
      const bound: NodeAddress = port === 0 ? this.#freeAddress(host) : address;
      if (this.#fabric.listening(bound) !== undefined) {
        throw new LockstepError('in-use', 'somebody listens on this address', { values: { address: bound } });
      }
      const listening: Listening = { process, onStream };
      this.#fabric.listen(bound, listening);
      process.onDeath(() => this.#fabric.unlisten(bound, listening));
      return {
        address: bound,
        close: () => {
          process.check();
          this.#fabric.unlisten(bound, listening);
        },
      };
    });
  }

  async connect(address: NodeAddress, options: ConnectOptions = {}): Promise<FrameStream> {
    parseAddress(address);
    const process = this.#process;
    if (!process.alive) return new Promise(() => undefined);
    const { withinMs = connectWithinMs, signal } = options;
    if (signal?.aborted) throw signal.reason;
    const pending = process.wait(`a connection to ${address}`);
    return new Promise<FrameStream>((resolve, reject) => {
      const attempt = new Attempt(this.#fabric, process, address, (settle) => {
        timeout.cancel();
        signal?.removeEventListener('abort', onAbort);
        process.pending.delete(pending);
        process.notify(() => settle(resolve, reject));
      });
      const onAbort = () => attempt.fail(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const { timeline, clock } = process.machine;
      const timeout = timeline.after(clock.worldMs(withinMs), () => attempt.fail(unreachableError(address, withinMs)));
      attempt.start();
    });
  }

  #freeAddress(host: string): NodeAddress {
    for (let port = firstEphemeralPort; ; port++) {
      const address: NodeAddress = `${host}:${port}`;
      if (this.#fabric.listening(address) === undefined) return address;
    }
  }
}

type Settle = (resolve: (stream: FrameStream) => void, reject: (error: unknown) => void) => void;

/** One connect: the request sets out, again and again while the link is cut, and the answer comes back, or it fails. */
class Attempt {
  readonly #fabric: Fabric;
  readonly #process: Process;
  readonly #address: NodeAddress;
  readonly #done: (settle: Settle) => void;
  #settled = false;

  constructor(fabric: Fabric, process: Process, address: NodeAddress, done: (settle: Settle) => void) {
    this.#fabric = fabric;
    this.#process = process;
    this.#address = address;
    this.#done = done;
  }

  start(): void {
    this.#fabric.timeline.after(this.#fabric.latencyMs(), () => this.#reach());
  }

  fail(reason: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#record(isLockstepError(reason) ? reason.message : 'given up');
    this.#done((_resolve, reject) => reject(reason));
  }

  #reach(): void {
    if (this.#settled || !this.#process.alive) return;
    const here = this.#process.machine.name;
    const { host } = parseAddress(this.#address);
    const target = this.#fabric.machines.get(host);
    if (target === undefined) return this.fail(noSuchHost(this.#address));
    if (!target.up || this.#fabric.isCut(here, host) || this.#fabric.isCut(host, here)) {
      this.#fabric.timeline.after(retrySynMs, () => this.#reach());
      return;
    }
    const listening = this.#fabric.listening(this.#address);
    if (listening === undefined) {
      this.#fabric.timeline.after(this.#fabric.latencyMs(), () => this.fail(refusedError(this.#address)));
      return;
    }
    const [near, far] = SimStream.pair(
      this.#fabric,
      { process: this.#process, address: `${here}:0` },
      { process: listening.process, address: this.#address },
    );
    listening.process.notify(() => listening.onStream(far));
    this.#fabric.timeline.after(this.#fabric.latencyMs(), () => this.#answered(near));
  }

  #answered(near: SimStream): void {
    if (!this.#process.alive) return;
    if (this.#settled) return near.abandon();
    this.#settled = true;
    this.#record(`connected to ${this.#address}`);
    this.#done((resolve) => resolve(near));
  }

  #record(text: string): void {
    const { timeline, name } = this.#process.machine;
    timeline.record('connect', name, text, parseAddress(this.#address).host);
  }
}

const refusedError = (address: string): LockstepError =>
  new LockstepError('unavailable', 'nobody listens on this address', { values: { address } });
const noSuchHost = (address: string): LockstepError =>
  new LockstepError('unavailable', 'there is no machine of this name', { values: { address } });
const unreachableError = (address: string, withinMs: number): LockstepError =>
  new LockstepError('unavailable', 'no answer in time', { values: { address, withinMs } });

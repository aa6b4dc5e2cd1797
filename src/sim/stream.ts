import { frameBytesMax, type FrameStream } from '../env/network.ts';
import { assert, unreachable } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Fabric } from './fabric.ts';
import type { CrashKind, Pending, Process } from './machine.ts';
import { Pipe, type Item } from './pipe.ts';

/**
 * One end of a stream, with the window and the buffer that its machine's kernel would keep for it. Both ends know
 * each other only through their pipes: what one end learns of the other takes its time, or never comes.
 */
interface Receiver {
  readonly pending: Pending;
  readonly resolve: (frames: readonly Uint8Array[] | null) => void;
  readonly reject: (error: unknown) => void;
}

export class SimStream implements FrameStream {
  readonly peer: string;
  readonly #process: Process;
  readonly #fabric: Fabric;
  /** Tells apart the streams of a run. */
  readonly #number: number;
  #pipe: Pipe | null = null;
  #other: SimStream | null = null;
  #state: 'open' | 'ended' | 'broken' | 'closed' = 'open';
  #inbox: Uint8Array[] = [];
  #consumedBytes = 0;
  #unacknowledgedBytes = 0;
  #receiver: Receiver | null = null;
  #writers: (() => void)[] = [];
  readonly #forget: () => void;

  /** Both ends of a new stream between two living processes. */
  static pair(
    fabric: Fabric,
    caller: { process: Process; address: string },
    called: { process: Process; address: string },
  ): readonly [SimStream, SimStream] {
    const near = new SimStream(fabric, caller.process, called.address);
    const far = new SimStream(fabric, called.process, caller.address);
    near.#join(far);
    far.#join(near);
    return [near, far];
  }

  private constructor(fabric: Fabric, process: Process, peer: string) {
    this.#fabric = fabric;
    this.#process = process;
    this.#number = fabric.nextStream();
    this.peer = peer;
    this.#forget = process.onDeath((kind) => this.#onDeath(kind));
  }

  send(frame: Uint8Array): 'sent' | 'full' | 'closed' {
    this.#process.check();
    if (frame.length > frameBytesMax) {
      throw new LockstepError('misuse', 'this frame is too large', { values: { bytes: frame.length, frameBytesMax } });
    }
    if (this.#state !== 'open') return 'closed';
    if (this.#unacknowledgedBytes >= this.#fabric.weather.windowBytes) return 'full';
    return this.#process.effect(() => {
      const { timeline } = this.#fabric;
      const { from, to } = this.#joined();
      const message = timeline.nextMessage();
      timeline.fingerprint.word(this.#number);
      timeline.fingerprint.bytes(frame);
      timeline.record('send', from, `${frame.length} bytes`, to, message);
      this.#unacknowledgedBytes += frame.length;
      if (this.#fabric.loses()) this.#lose(message);
      else this.#joined().push({ kind: 'frame', bytes: frame.slice(), message });
      return 'sent' as const;
    });
  }

  writable(): Promise<void> {
    if (!this.#process.alive) return new Promise(() => undefined);
    if (this.#hasRoom()) return Promise.resolve();
    const pending = this.#process.wait(`room to send to ${this.peer}`);
    return new Promise((resolve) => {
      this.#writers.push(() => {
        this.#process.pending.delete(pending);
        resolve();
      });
    });
  }

  async receive(): Promise<readonly Uint8Array[] | null> {
    if (!this.#process.alive) return new Promise(() => undefined);
    if (this.#receiver !== null) {
      throw new LockstepError('misuse', 'one receive at a time', { values: { peer: this.peer } });
    }
    if (this.#inbox.length > 0 || this.#state !== 'open') return this.#take();
    const pending = this.#process.wait(`a frame from ${this.peer}`);
    return new Promise((resolve, reject) => {
      this.#receiver = { pending, resolve, reject };
    });
  }

  close(): void {
    this.#process.check();
    if (this.#state === 'closed') return;
    const reaches = this.#state === 'open';
    this.#state = 'closed';
    this.#inbox = [];
    if (reaches) this.#joined().push({ kind: 'end' });
    this.#forget();
    this.#wake();
  }

  /** Nobody waits for this stream any more: the other end is told. */
  abandon(): void {
    this.break();
    this.#joined().push({ kind: 'reset' });
  }

  /** The connection is gone, and this end has learned of it. */
  break(): void {
    if (this.#state === 'open') this.#state = 'broken';
    this.#joined().drop();
    this.#forget();
    this.#wake();
  }

  #join(other: SimStream): void {
    this.#other = other;
    const deliver = (item: Item) => other.#arrive(item);
    // Given up: this end knows at once, the other only when something gets through again.
    const giveUp = () => this.abandon();
    this.#pipe = new Pipe(this.#fabric, this.#process.machine.name, other.#process.machine.name, deliver, giveUp);
  }

  #joined(): Pipe {
    assert(this.#pipe !== null, 'a stream has its pipe before anybody sees it');
    return this.#pipe;
  }

  #arrive(item: Item): void {
    const { machine } = this.#process;
    if (!this.#process.alive) {
      if (item.kind === 'frame')
        this.#fabric.timeline.record('lost', machine.name, 'nobody there', this.#joined().to, item.message);
      if (machine.up && item.kind !== 'reset') this.#joined().push({ kind: 'reset' });
      return;
    }
    switch (item.kind) {
      case 'frame':
        return this.#onFrame(item);
      case 'acknowledge':
        this.#unacknowledgedBytes -= item.bytes;
        return this.#wakeWriters();
      case 'end':
        if (this.#state === 'open') this.#state = 'ended';
        return this.#wake();
      case 'reset':
        return this.break();
      default:
        return unreachable(item);
    }
  }

  #onFrame({ bytes, message }: { readonly bytes: Uint8Array; readonly message: number }): void {
    const { from, to } = this.#joined();
    this.#fabric.timeline.record('deliver', from, `${bytes.length} bytes`, to, message);
    if (this.#state !== 'open') return;
    this.#inbox.push(bytes);
    this.#wake();
  }

  /** The frame is lost, and with it the stream: the ends learn of it one after the other. */
  #lose(message: number): void {
    const { timeline } = this.#fabric;
    const { from, to } = this.#joined();
    timeline.record('lost', to, 'lost, the stream breaks', from, message);
    const [first, second] = [this.#fabric.latencyMs(), this.#fabric.breakAfterMs()];
    const nearFirst = this.#fabric.flip();
    timeline.after(nearFirst ? first : second, () => this.break());
    timeline.after(nearFirst ? second : first, () => this.#other?.break());
    // Nothing more gets through meanwhile, but what was sent before may still arrive.
    this.#pipe = new Pipe(
      this.#fabric,
      from,
      to,
      () => undefined,
      () => undefined,
    );
  }

  #onDeath(kind: CrashKind): void {
    this.#state = 'broken';
    this.#receiver = null;
    this.#writers = [];
    if (kind === 'process') return this.#joined().push({ kind: 'reset' }); // its kernel lives on, and says so
    if (this.#fabric.flip()) this.#joined().drop();
    this.#fabric.timeline.after(this.#fabric.breakAfterMs(), () => this.#other?.break());
  }

  #hasRoom(): boolean {
    return this.#state !== 'open' || this.#unacknowledgedBytes < this.#fabric.weather.windowBytes;
  }

  #wake(): void {
    this.#wakeWriters();
    const receiver = this.#receiver;
    if (receiver === null || (this.#inbox.length === 0 && this.#state === 'open')) return;
    this.#receiver = null;
    this.#process.pending.delete(receiver.pending);
    this.#process.notify(() => void this.#take().then(receiver.resolve, receiver.reject));
  }

  #wakeWriters(): void {
    if (this.#writers.length === 0 || !this.#hasRoom()) return;
    for (const writer of this.#writers.splice(0)) this.#process.notify(writer);
  }

  async #take(): Promise<readonly Uint8Array[] | null> {
    if (this.#inbox.length > 0) {
      const frames = this.#inbox;
      this.#inbox = [];
      this.#acknowledge(frames);
      return frames;
    }
    if (this.#state !== 'broken') return null;
    throw new LockstepError('unavailable', 'the connection broke', { values: { peer: this.peer } });
  }

  #acknowledge(frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.#consumedBytes += frame.length;
    if (this.#consumedBytes * 4 < this.#fabric.weather.windowBytes || this.#state !== 'open') return;
    this.#joined().push({ kind: 'acknowledge', bytes: this.#consumedBytes });
    this.#consumedBytes = 0;
  }
}

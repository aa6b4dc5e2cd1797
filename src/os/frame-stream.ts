/**
 * A stream of frames over one TCP connection. On the wire: frames of `bytes/frame.ts`, whose payload is one byte that
 * says what it is, then the user's frame; checksums start from a seed of ours, so bytes of another protocol never fit.
 *
 * The last frame says that the stream ends here. TCP's own end is not enough: a killed process' kernel sends it too,
 * and what the killed one had queued is lost. An end without our mark is therefore a break.
 *
 * What arrives and is not asked for stops the reading, then fills the kernels' buffers, then holds the sender back.
 */
import type { Socket } from 'node:net';
import { FrameReader, frameHeaderBytes, writeFrameHeader } from '../bytes/frame.ts';
import { frameBytesMax, type FrameStream } from '../env/network.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { HostLimits } from './limits.ts';

/** 'LKS1': raised when what is on the wire changes. */
const wireSeed = 0x4c4b5331;
const frameMark = 0;
const endMark = 1;
/** What holding a frame costs beside its bytes, roughly: empty frames must not be free. */
const heldFrameBytes = 128;

interface Receiving {
  readonly resolve: (frames: readonly Uint8Array[] | null) => void;
  readonly reject: (error: LockstepError) => void;
}

export class SocketStream implements FrameStream {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #limits: HostLimits;
  readonly #reader = new FrameReader({ payloadBytesMax: frameBytesMax + 1, seed: wireSeed });
  /** Frames that were not asked for yet. */
  #arrived: Uint8Array[] = [];
  #arrivedBytes = 0;
  #receiving: Receiving | null = null;
  #writable: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #corked = false;
  #closedHere = false;
  #endedThere = false;
  #broken: LockstepError | null = null;
  #cause: unknown = undefined;

  constructor(socket: Socket, peer: string, limits: HostLimits) {
    this.peer = peer;
    this.#socket = socket;
    this.#limits = limits;
    socket.on('data', (chunk) => this.#onChunk(chunk));
    socket.on('drain', () => this.#wakeSender());
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => (this.#cause ??= error));
    socket.on('close', () => this.#onGone());
  }

  send(frame: Uint8Array): 'sent' | 'full' | 'closed' {
    if (frame.length > frameBytesMax) {
      throw new LockstepError('misuse', 'a frame is larger than a network takes', {
        values: { frameBytes: frame.length, frameBytesMax },
        advice: ['send it in parts'],
      });
    }
    if (this.#over) return 'closed';
    if (this.#full) return 'full';
    this.#write(frameMark, frame);
    return 'sent';
  }

  writable(): Promise<void> {
    if (this.#over || !this.#full) return Promise.resolve();
    this.#writable ??= Promise.withResolvers<void>();
    return this.#writable.promise;
  }

  async receive(): Promise<readonly Uint8Array[] | null> {
    if (this.#receiving !== null) {
      throw new LockstepError('misuse', 'a stream is received from by one call at a time', {
        values: { peer: this.peer },
      });
    }
    if (this.#closedHere) return null;
    if (this.#arrived.length > 0) return this.#takeArrived();
    if (this.#endedThere) return null;
    if (this.#broken !== null) throw this.#broken;
    return new Promise((resolve, reject) => {
      this.#receiving = { resolve, reject };
      this.#socket.resume();
    });
  }

  close(): void {
    if (this.#closedHere) return;
    this.#closedHere = true;
    this.#arrived = [];
    this.#answer((receiving) => receiving.resolve(null));
    this.#wakeSender();
    if (this.#endedThere || this.#broken !== null) return;
    this.#write(endMark, new Uint8Array(0));
    this.#finish();
  }

  /** Cuts the connection: nothing that is queued is sent. */
  destroy(): void {
    this.#socket.destroy();
  }

  get #over(): boolean {
    return this.#closedHere || this.#endedThere || this.#broken !== null;
  }

  get #full(): boolean {
    return this.#socket.writableLength >= this.#limits.streamSendBytesMax;
  }

  #write(mark: number, frame: Uint8Array): void {
    const bytes = new Uint8Array(frameHeaderBytes + 1 + frame.length);
    bytes[frameHeaderBytes] = mark;
    bytes.set(frame, frameHeaderBytes + 1);
    writeFrameHeader(bytes, 0, bytes.subarray(frameHeaderBytes), wireSeed);
    this.#cork();
    this.#socket.write(bytes);
  }

  /** What is sent in one go leaves in one system call. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  /** No more from here. What still comes is read and dropped: unread bytes would turn the end into a reset. */
  #finish(): void {
    this.#socket.end();
    this.#socket.resume();
    const overdue = setTimeout(() => this.#socket.destroy(), this.#limits.streamCloseMsMax);
    this.#socket.once('close', () => clearTimeout(overdue));
  }

  #onChunk(chunk: Uint8Array): void {
    if (this.#closedHere || this.#endedThere) return;
    this.#reader.push(chunk);
    try {
      for (let payload = this.#reader.next(); payload !== null; payload = this.#reader.next()) this.#onPayload(payload);
    } catch (error) {
      this.#cause ??= error;
      this.#socket.destroy();
    }
    if (this.#arrived.length > 0) this.#answer((receiving) => receiving.resolve(this.#takeArrived()));
    if (this.#arrivedBytes >= this.#limits.streamReceiveBytesMax) this.#socket.pause();
  }

  #onPayload(payload: Uint8Array): void {
    if (this.#endedThere) return; // a peer that says more after its end is not heard
    if (payload[0] === frameMark) {
      this.#arrived.push(payload.subarray(1));
      this.#arrivedBytes += payload.length + heldFrameBytes;
    } else if (payload[0] === endMark) {
      this.#onEndMark();
    } else {
      throw new LockstepError('corrupt', 'a frame of a kind that this version does not know', {
        values: { mark: payload[0] ?? null },
      });
    }
  }

  #onEndMark(): void {
    this.#endedThere = true;
    this.#wakeSender();
    if (this.#arrived.length === 0) this.#answer((receiving) => receiving.resolve(null));
    this.#finish();
  }

  /** TCP's end. After our mark, or after our own close, it is the regular one; else the other process is gone. */
  #onEnd(): void {
    if (this.#endedThere || this.#closedHere) return;
    this.#cause ??= new Error('the connection ended without the mark that ends a stream');
    this.#socket.destroy();
  }

  #onGone(): void {
    if (this.#endedThere || this.#closedHere) return;
    this.#broken = new LockstepError('unavailable', 'the stream broke', {
      cause: this.#cause,
      values: { peer: this.peer },
    });
    this.#wakeSender();
    const broken = this.#broken;
    this.#answer((receiving) => receiving.reject(broken));
  }

  #takeArrived(): readonly Uint8Array[] {
    const arrived = this.#arrived;
    this.#arrived = [];
    this.#arrivedBytes = 0;
    this.#socket.resume();
    return arrived;
  }

  #answer(give: (receiving: Receiving) => void): void {
    const receiving = this.#receiving;
    if (receiving === null) return;
    this.#receiving = null;
    give(receiving);
  }

  #wakeSender(): void {
    this.#writable?.resolve();
    this.#writable = null;
  }
}

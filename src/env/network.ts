/**
 * Ordered streams of frames between two addresses. A frame arrives whole, in order, at most once, unchanged, or the
 * stream breaks; a broken stream may have lost any tail of what was sent, and the sender can't tell how much of it.
 * Both ends learn of a break, but not together: one may go on for a while.
 */
export interface Network {
  /**
   * Takes connections at `address` until the listener is closed. `onStream` runs in a task of its own.
   * @throws LockstepError `in-use` when the address is taken.
   */
  listen(address: NodeAddress, onStream: (stream: FrameStream) => void): Promise<Listener>;
  /**
   * @throws LockstepError `unavailable` when nobody listens there or it took longer than `withinMs` (default 5,000);
   * the signal's reason when that is aborted first.
   */
  connect(address: NodeAddress, options?: ConnectOptions): Promise<FrameStream>;
}

/** `host:port`, or `[IPv6]:port`. In the simulator the host is a machine's name. */
export type NodeAddress = `${string}:${number}` | `[${string}]:${number}`;

export interface ConnectOptions {
  readonly withinMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Listener {
  /** Where it listens in fact: asked for port 0, a free one. */
  readonly address: NodeAddress;
  /** Takes no more connections; those that stand stay. */
  close(): void;
}

export interface FrameStream {
  /** The other end; for an accepted stream an address that cannot be connected to. */
  readonly peer: string;
  /**
   * Queues a copy of the frame. `full`: nothing was taken, too much is under way: wait for `writable`.
   * `closed`: nothing was taken, the stream has ended or broken.
   * @throws LockstepError `misuse` for a frame of over `frameBytesMax`.
   */
  send(frame: Uint8Array): 'sent' | 'full' | 'closed';
  /** Resolves when `send` may take a frame again, or has reason to answer `closed`. */
  writable(): Promise<void>;
  /**
   * All frames that have arrived since the last call, at least one; waits for it. Null when the stream has ended and
   * all that came before was given out. Not asking holds the sender back. One call at a time.
   * @throws LockstepError `unavailable` when the stream broke, after all frames that came before were given out.
   */
  receive(): Promise<readonly Uint8Array[] | null>;
  /** Sends what is queued, then ends the stream. `receive` gives null from here on. */
  close(): void;
}

/** The largest frame a network takes, in bytes. */
export const frameBytesMax: number = 16 * 1024 * 1024;

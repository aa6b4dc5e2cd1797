/**
 * Logs as a service on the network, for what stands on logs: what it keeps survives its machine (as a database would), its answers need
 * not arrive. Requests may come late, twice, or after their caller gave up.
 */
import { isLockstepError } from '../../../src/kernel/errors.ts';
import { position } from '../../../src/log/coordinates.ts';
import type { MemoryStores } from '../../../src/log/memory.ts';
import type { Guarantees, LogId, Position } from '../../../src/log/port.ts';
import type { RecordStore, RecordStores, StoreRead } from '../../../src/log/store.ts';
import type { Env, FrameStream, NodeAddress } from 'lockstep/env';
import { call, type Json } from './calls.ts';

/** A growth is waited for so long, then asked for again. */
const pollMs = 400;
const answerMs = 300;

/** The service: `kept` outlives the machine. */
export async function logService(env: Env, address: NodeAddress, kept: MemoryStores): Promise<never> {
  return new Promise((_, reject) => {
    env.network
      .listen(address, (stream) => {
        talk(env, stream, kept).catch((error: unknown) => {
          if (!isLockstepError(error, 'unavailable')) reject(error);
        });
      })
      .catch(reject);
  });
}

async function talk(env: Env, stream: FrameStream, kept: MemoryStores): Promise<void> {
  for (;;) {
    const frames = await stream.receive();
    if (frames === null) return stream.close();
    for (const frame of frames) {
      const answer = await answerTo(env, kept, JSON.parse(new TextDecoder().decode(frame)) as Request);
      stream.send(new TextEncoder().encode(JSON.stringify(answer)));
    }
  }
}

type Request =
  | { readonly kind: 'open'; readonly name: string; readonly create: string | null }
  | { readonly kind: 'list' }
  | { readonly kind: 'remove'; readonly name: string }
  | (About & { readonly kind: 'append'; readonly after: number; readonly bytes: string })
  | (About & { readonly kind: 'read'; readonly after: number; readonly bytesMax: number })
  | (About & { readonly kind: 'grown'; readonly after: number })
  | (About & { readonly kind: 'trim'; readonly before: number });
interface About {
  readonly name: string;
  readonly id: string;
}

async function answerTo(env: Env, kept: MemoryStores, request: Request): Promise<Json> {
  if (request.kind === 'list') return kept.list();
  if (request.kind === 'remove') return kept.remove(request.name);
  if (request.kind === 'open') return (await kept.open(request.name, request.create as LogId | null))?.id ?? null;
  const store = await kept.open(request.name, null);
  if (store === null || store.id !== request.id) return request.kind === 'read' ? { kind: 'gone' } : 'gone';
  switch (request.kind) {
    case 'append':
      return store.append(position(request.after), bytesOf(request.bytes));
    case 'read':
      return printed(await store.read(position(request.after), request.bytesMax));
    case 'grown':
      return poll(env, store, position(request.after));
    case 'trim':
      await store.trim(position(request.before));
      return null;
  }
}

function poll(env: Env, store: RecordStore, after: Position): Promise<Json> {
  const stop = new AbortController();
  const timer = env.timers.after(pollMs, () => stop.abort(new Error('long enough')));
  return store.grown(after, stop.signal).then(
    () => (timer.cancel(), 'grown'),
    () => 'not yet',
  );
}

export interface LogClientOptions {
  /** How often the client sends an append that was not answered, by itself, before it says that it does not know. */
  readonly resendCount: number;
  /** How likely an append is sent once more for no reason, up to so much later. */
  readonly doubled: { readonly probability: number; readonly laterMsMax: number };
}

/** The stores of a service, from afar. */
export function remoteStores(env: Env, address: NodeAddress, options: LogClientOptions): RecordStores {
  const ask = (request: Request, withinMs = answerMs): Promise<Json> => call(env, address, { ...request }, withinMs);
  return {
    name: 'simulated',
    guarantees: simulatedGuarantees,
    reads: 'linearizable',
    async open(name, create) {
      const id = (await ask({ kind: 'open', name, create })) as LogId | null;
      return id === null ? null : new RemoteStore(env, ask, name, id, options);
    },
    list: async () => (await ask({ kind: 'list' })) as readonly string[],
    remove: async (name) => (await ask({ kind: 'remove', name })) as 'removed' | 'absent',
    close: async () => {},
  };
}

export const simulatedGuarantees: Guarantees = Object.freeze({
  survives: 'machine',
  failoverKeepsAcknowledged: null,
  payloadBytesMax: 64 * 1024,
  because: 'a service in the simulator',
});

class RemoteStore implements RecordStore {
  readonly id: LogId;
  readonly #env: Env;
  readonly #ask: (request: Request, withinMs?: number) => Promise<Json>;
  readonly #about: About;
  readonly #options: LogClientOptions;

  constructor(
    env: Env,
    ask: (request: Request, withinMs?: number) => Promise<Json>,
    name: string,
    id: LogId,
    options: LogClientOptions,
  ) {
    this.id = id;
    this.#env = env;
    this.#ask = ask;
    this.#about = { name, id };
    this.#options = options;
  }

  async append(after: Position, bytes: Uint8Array): Promise<'appended' | 'conflict' | 'gone'> {
    const { resendCount, doubled } = this.#options;
    const request: Request = { kind: 'append', ...this.#about, after, bytes: textOf(bytes) };
    if (this.#env.random() < doubled.probability)
      this.#env.timers.after(this.#env.random() * doubled.laterMsMax, () => {
        this.#ask(request).catch(dropped);
      });
    for (let count = 0; ; count++) {
      try {
        return (await this.#ask(request)) as 'appended' | 'conflict' | 'gone';
      } catch (error) {
        if (!isLockstepError(error, 'unknown') || count === resendCount) throw error;
      }
    }
  }

  async read(after: Position, bytesMax: number): Promise<StoreRead> {
    return parsed(await this.#ask({ kind: 'read', ...this.#about, after, bytesMax: Math.min(bytesMax, 65_536) }));
  }

  async grown(after: Position, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const answer = await this.#ask({ kind: 'grown', ...this.#about, after }, pollMs + answerMs);
      if (answer !== 'not yet') return;
    }
  }

  async trim(before: Position): Promise<void> {
    await this.#ask({ kind: 'trim', ...this.#about, before });
  }

  async close(): Promise<void> {}
}

/** Nobody waits for the second sending of an append. */
function dropped(error: unknown): void {
  if (!isLockstepError(error)) throw error;
}

const textOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(0x100 + byte)).join('');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0) - 0x100);

function printed(read: StoreRead): Json {
  if (read.kind === 'gone') return { kind: 'gone' };
  const { first, last, records } = read;
  return { kind: 'records', first, last, records: records.map((one) => [one.position, textOf(one.bytes)]) };
}

function parsed(answer: Json): StoreRead {
  const read = answer as
    | { readonly kind: 'gone' }
    | {
        readonly kind: 'records';
        readonly first: number;
        readonly last: number;
        readonly records: readonly (readonly [number, string])[];
      };
  if (read.kind === 'gone') return { kind: 'gone' };
  const records = read.records.map(([at, text]) => ({ position: position(at), bytes: bytesOf(text) }));
  return { kind: 'records', records, first: position(read.first), last: position(read.last) };
}

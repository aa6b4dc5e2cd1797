/**
 * Logs as a service on the simulated network, for what stands on logs: what it keeps survives its machine (as a database
 * would), its answers need not arrive. Requests may come late, twice, or after their caller gave up.
 */
import type { Env } from '../../env/env.ts';
import type { NodeAddress } from '../../env/network.ts';
import { isLockstepError } from '../../kernel/errors.ts';
import { position } from '../../log/coordinates.ts';
import type { MemoryStores } from '../../log/memory.ts';
import type { Guarantees, LogId, Position } from '../../log/port.ts';
import type { RecordStore, RecordStores, StoreRead } from '../../log/store.ts';
import { answerCalls, Caller, type Plain } from './calls.ts';

/** A growth is waited for so long, then asked for again. */
const pollMs = 400;
const answerMs = 300;

/** The service: `kept` outlives the machine. */
export function logService(env: Env, address: NodeAddress, kept: MemoryStores): Promise<never> {
  return answerCalls(env, address, (request) => answerTo(env, kept, request as unknown as Request));
}

type Request =
  | { readonly kind: 'open'; readonly name: string; readonly create: string | null }
  | { readonly kind: 'list' }
  | { readonly kind: 'remove'; readonly name: string }
  | (About & { readonly kind: 'append'; readonly after: number; readonly bytes: Uint8Array })
  | (About & { readonly kind: 'read'; readonly after: number; readonly bytesMax: number })
  | (About & { readonly kind: 'grown'; readonly after: number })
  | (About & { readonly kind: 'trim'; readonly before: number });
interface About {
  readonly name: string;
  readonly id: string;
}

async function answerTo(env: Env, kept: MemoryStores, request: Request): Promise<Plain> {
  if (request.kind === 'list') return kept.list();
  if (request.kind === 'remove') return kept.remove(request.name);
  if (request.kind === 'open') return (await kept.open(request.name, request.create as LogId | null))?.id ?? null;
  const store = await kept.open(request.name, null);
  if (store === null || store.id !== request.id) return request.kind === 'read' ? { kind: 'gone' } : 'gone';
  switch (request.kind) {
    case 'append':
      return store.append(position(request.after), request.bytes);
    case 'read':
      return (await store.read(position(request.after), request.bytesMax)) as unknown as Plain; // plain data
    case 'grown':
      return poll(env, store, position(request.after));
    case 'trim':
      await store.trim(position(request.before));
      return null;
  }
}

function poll(env: Env, store: RecordStore, after: Position): Promise<Plain> {
  const stop = new AbortController();
  const timer = env.timers.after(pollMs, () => stop.abort(new Error('long enough')));
  return store.grown(after, stop.signal).then(
    () => (timer.cancel(), 'grown'),
    () => 'not yet',
  );
}

export interface LogClientOptions {
  /** Default 64 KiB. */
  readonly payloadBytesMax?: number;
  /** How often the client sends an append that was not answered, by itself, before it says that it does not know. */
  readonly resendCount: number;
  /** How likely an append is sent once more for no reason, up to so much later. */
  readonly doubled: { readonly probability: number; readonly laterMsMax: number };
}

/** The stores of a service, from afar. */
export function remoteStores(env: Env, address: NodeAddress, options: LogClientOptions): RecordStores {
  const caller = new Caller(env, address);
  const ask = (request: Request): Promise<Plain> => caller.ask({ ...request }, answerMs);
  return {
    name: 'simulated',
    guarantees: {
      ...simulatedGuarantees,
      payloadBytesMax: options.payloadBytesMax ?? simulatedGuarantees.payloadBytesMax,
    },
    reads: 'linearizable',
    async open(name, create) {
      const id = (await ask({ kind: 'open', name, create })) as LogId | null;
      return id === null ? null : new RemoteStore(env, address, name, id, options);
    },
    list: async () => (await ask({ kind: 'list' })) as readonly string[],
    remove: async (name) => (await ask({ kind: 'remove', name })) as 'removed' | 'absent',
    close: async () => caller.close(),
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
  readonly #caller: Caller;
  /** Whoever waits for growth is in nobody's way. */
  readonly #growth: Caller;
  readonly #about: About;
  readonly #options: LogClientOptions;

  constructor(env: Env, address: NodeAddress, name: string, id: LogId, options: LogClientOptions) {
    this.id = id;
    this.#env = env;
    this.#caller = new Caller(env, address);
    this.#growth = new Caller(env, address);
    this.#about = { name, id };
    this.#options = options;
  }

  async append(after: Position, bytes: Uint8Array): Promise<'appended' | 'conflict' | 'gone'> {
    const { resendCount, doubled } = this.#options;
    const request: Request = { kind: 'append', ...this.#about, after, bytes };
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
    return (await this.#ask({
      kind: 'read',
      ...this.#about,
      after,
      bytesMax: Math.min(bytesMax, 65_536),
    })) as unknown as StoreRead;
  }

  async grown(after: Position, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const answer = await this.#growth.ask({ kind: 'grown', ...this.#about, after }, pollMs + answerMs);
      if (answer !== 'not yet') return;
    }
  }

  async trim(before: Position): Promise<void> {
    await this.#ask({ kind: 'trim', ...this.#about, before });
  }

  async close(): Promise<void> {
    this.#caller.close();
    this.#growth.close();
  }

  #ask(request: Request): Promise<Plain> {
    return this.#caller.ask({ ...request }, answerMs);
  }
}

/** Nobody waits for the second sending of an append. */
function dropped(error: unknown): void {
  if (!isLockstepError(error)) throw error;
}

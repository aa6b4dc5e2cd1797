/** A `LogEngine` over stores with a conditional append: the one generic engine, of which an author brings `RecordStores`. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { Waits } from '../observe/waits.ts';
import { newLogId } from './chain.ts';
import { logConfig, type LogConfig } from './config.ts';
import { Holds } from './holds.ts';
import type { Guarantees, Log, LogEngine, LogId } from './port.ts';
import { RecordCodec } from './record.ts';
import { StoreLog } from './store-log.ts';
import type { RecordStores } from './store.ts';
import { persist, type LogPorts } from './within.ts';

export interface StoreEngineOptions {
  readonly config?: Partial<LogConfig> | undefined;
  /** Where everything that waits is entered, so that `explain` shows it. */
  readonly waits?: Waits | undefined;
}

const nameShape = /^[A-Za-z0-9._-]{1,128}$/;

/** @throws LockstepError `misuse` unless it is letters, digits, `.`, `-`, `_`, up to 128 of them, and not `.` or `..`. */
export function checkLogName(name: string): void {
  if (nameShape.test(name) && name !== '.' && name !== '..') return;
  throw new LockstepError('misuse', 'the name of a log is 1 to 128 letters, digits, `.`, `-`, `_`', {
    values: { name: name.slice(0, 128) },
  });
}

export function storeEngine(ports: LogPorts, stores: RecordStores, options: StoreEngineOptions = {}): LogEngine {
  return new StoreEngine(ports, stores, logConfig(options.config), options.waits ?? null);
}

class StoreEngine implements LogEngine {
  readonly name: string;
  readonly guarantees: Guarantees;
  readonly #ports: LogPorts;
  readonly #stores: RecordStores;
  readonly #config: LogConfig;
  readonly #waits: Waits | null;
  readonly #open = new Set<Log>();
  /** Of the logs that are open here: all who opened one share its holds. */
  readonly #holds = new Map<LogId, { readonly holds: Holds; count: number }>();
  #closed = false;

  constructor(ports: LogPorts, stores: RecordStores, config: LogConfig, waits: Waits | null) {
    this.name = stores.name;
    this.guarantees = stores.guarantees;
    this.#ports = ports;
    this.#stores = stores;
    this.#config = config;
    this.#waits = waits;
  }

  async open(name: string, { create }: { readonly create: boolean }): Promise<Log | null> {
    checkLogName(name);
    const id = create ? newLogId(this.#ports.randomness) : null;
    const store = await this.#persist('opening a log', () => this.#stores.open(name, id));
    if (store === null) return null;
    const shared = this.#holds.get(store.id) ?? { holds: new Holds(), count: 0 };
    shared.count++;
    this.#holds.set(store.id, shared);
    const log: StoreLog = new StoreLog({
      ports: this.#ports,
      config: this.#config,
      waits: this.#waits,
      store,
      codec: new RecordCodec(this.guarantees.payloadBytesMax),
      id: store.id,
      name,
      reads: this.#stores.reads,
      holds: shared.holds,
      onClose: () => {
        this.#open.delete(log);
        if (--shared.count === 0) this.#holds.delete(store.id);
      },
    });
    this.#open.add(log);
    return log;
  }

  list(): Promise<readonly string[]> {
    return this.#persist('listing logs', () => this.#stores.list());
  }

  async remove(name: string): Promise<'removed' | 'absent'> {
    checkLogName(name);
    let mayHaveHappened = 0;
    const answer = await this.#persist('removing a log', async () => {
      mayHaveHappened++;
      try {
        return await this.#stores.remove(name);
      } catch (error) {
        if (isLockstepError(error) && error.happened === 'no') mayHaveHappened--;
        throw error;
      }
    });
    return mayHaveHappened > 1 ? 'removed' : answer;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const log of [...this.#open]) await log.close();
    await this.#stores.close();
  }

  async #persist<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new LockstepError('stopped', 'the engine is closed');
    return persist(this.#ports, this.#config, what, call);
  }
}

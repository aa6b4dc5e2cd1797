/** Sides of the storage rows: a process each, and the folders of keys that they share, row after row. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import type { RunKind } from './runs.ts';
import type { StoreDurability } from './store.ts';
import type { StoreName, WorkerAnswer, WorkerCall } from './worker.ts';

/** LevelDB and RocksDB answer most with as many threads as there are callers. */
const peerThreads = '64';

export interface SideOptions {
  readonly store: StoreName;
  readonly durability: StoreDurability;
  readonly kind: RunKind;
  readonly keys: number;
  readonly operations: number;
  readonly inFlight: number;
}

class StoreProcess {
  readonly #child: ChildProcess;

  constructor(store: StoreName) {
    const env = store === 'tree' ? process.env : { ...process.env, UV_THREADPOOL_SIZE: peerThreads };
    const options = { execArgv: ['--expose-gc'], serialization: 'advanced' as const, env };
    this.#child = fork(new URL('./worker.ts', import.meta.url), [], options);
  }

  async run(): Promise<WorkerAnswer> {
    const answer = await this.call({ kind: 'run' });
    if (answer === null) throw new Error('a run was asked for before its store was opened');
    return answer;
  }

  call(call: WorkerCall): Promise<WorkerAnswer | null> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`a store's process ended with ${code}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (answer) => {
        this.#child.off('exit', onExit);
        resolve(answer as WorkerAnswer | null);
      });
      this.#child.send(call, (error) => {
        if (error !== null) reject(error);
      });
    });
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/**
 * The folders of loaded keys, made when first needed, removed when the last side that was expected has ended. In a
 * quick run also the processes, one for each store; otherwise each side of each row has a fresh one.
 */
export class Grounds {
  readonly #isQuick: boolean;
  readonly #folders = new Map<string, Promise<string>>();
  readonly #processes = new Map<StoreName, StoreProcess>();
  #root: ReturnType<typeof openFolder> | null = null;
  #expected = 0;
  #made = 0;

  constructor(isQuick: boolean) {
    this.#isQuick = isQuick;
  }

  side(name: string, options: SideOptions): Side {
    this.#expected++;
    return { name, durability: options.durability, prepare: () => this.#prepare(options) };
  }

  async #prepare(options: SideOptions): Promise<Prepared> {
    const folder = options.kind === 'load' ? this.#newFolder() : await this.#loaded(options);
    const store = this.#begin(options.store);
    await store.call({ kind: 'open', order: { ...options, folder } });
    const run = async (): Promise<WorkDone> => {
      const { latenciesMs, ...done } = await store.run();
      return { ...done, ...(latenciesMs === null ? {} : { latenciesMs }) };
    };
    const close = async (): Promise<void> => {
      await this.#end(store);
      if (--this.#expected > 0) return;
      for (const one of this.#processes.values()) await one.end();
      this.#root?.remove();
    };
    return { run, close };
  }

  #begin(name: StoreName): StoreProcess {
    const store = this.#processes.get(name) ?? new StoreProcess(name);
    if (this.#isQuick) this.#processes.set(name, store);
    return store;
  }

  async #end(store: StoreProcess): Promise<void> {
    await store.call({ kind: 'close' });
    if (!this.#isQuick) await store.end();
  }

  /** Loaded without syncs and closed: whoever opens it opens it anew. */
  #loaded({ store, keys, kind }: SideOptions): Promise<string> {
    // Two sides of one row have it open at the same time.
    const name = `${store}-${keys}${kind === 'transaction-otherwise' ? '-otherwise' : ''}`;
    const folder = this.#folders.get(name) ?? this.#load(store, keys);
    this.#folders.set(name, folder);
    return folder;
  }

  async #load(name: StoreName, keys: number): Promise<string> {
    const folder = this.#newFolder();
    const store = this.#begin(name);
    const shape = { kind: 'load', durability: 'process', operations: keys, inFlight: 1 } as const;
    await store.call({ kind: 'open', order: { ...shape, store: name, keys, folder } });
    await store.run();
    await this.#end(store);
    return folder;
  }

  /** Also removed where not all rows were run. */
  #newRoot(): ReturnType<typeof openFolder> {
    const root = openFolder();
    process.once('exit', () => root.remove());
    return root;
  }

  #newFolder(): string {
    this.#root ??= this.#newRoot();
    return join(this.#root.path, String(++this.#made));
  }
}

/**
 * Runs transactions on a tree of its own. A function without `await` runs alone, on the newest state that was applied,
 * acknowledged or not: nothing can change meanwhile, so it is simply appended. One that waits is run on a view that stays
 * as it is, and checked at its end against what others have written since (`optimistic.ts`). Either way nothing comes
 * out before all that was read is acknowledged.
 */
import type { Ports } from '../../env/env.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { isPromise } from '../../kernel/promise.ts';
import type { Waits } from '../../observe/waits.ts';
import type { Tree } from '../tree.ts';
import type { TreeReaders } from '../tree-readers.ts';
import type { TreeWriter } from '../tree-writer.ts';
import { OptimisticRun } from './optimistic.ts';
import { OwnWrites } from './own-writes.ts';
import { ReadSet } from './read-set.ts';
import type { Isolation, TransactOptions, TreeTransaction, TreeTransactOutcome } from './transaction.ts';
import { TransactionView } from './view.ts';

export type TransactionFunction<T> = (tx: TreeTransaction) => T | Promise<T>;

export interface TransactHost {
  readonly env: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly tree: Tree;
  readonly writer: TreeWriter;
  readonly readers: TreeReaders;
}

/** `TransactOptions` with nothing left out. */
export interface TransactSettings {
  readonly isolation: Isolation;
  readonly readOnly: boolean;
  readonly attempts: number;
  readonly withinMs: number;
  readonly signal: AbortSignal | null;
  readonly name: string;
}

/** What a transaction works with, and another one after it. */
export interface TransactionParts {
  readonly own: OwnWrites;
  readonly reads: ReadSet;
}

/** So much is kept for later transactions. */
const partsMax = 64;

export class Transactor {
  readonly host: TransactHost;
  /** Those whose functions wait. */
  readonly running: Set<{ stop(): void }> = new Set();
  readonly #parts: TransactionParts[] = [];
  #isRunning = false;
  #isClosed = false;

  constructor(host: TransactHost) {
    this.host = host;
  }

  /** @throws LockstepError `misuse` from within the function of a transaction: its writes go through it. */
  checkOutside(): void {
    if (!this.#isRunning) return;
    throw new LockstepError('misuse', 'a transaction is running, and this is not part of it', {
      advice: ['write through the transaction that the function is given; begin another one after it'],
    });
  }

  transact<T>(fn: TransactionFunction<T>, options: TransactOptions): Promise<TreeTransactOutcome<T>> {
    const { writer } = this.host;
    let settings: TransactSettings;
    try {
      this.checkOutside();
      settings = settingsOf(options);
      settings.signal?.throwIfAborted();
    } catch (error) {
      return Promise.reject(error);
    }
    if (settings.readOnly && options.touch === undefined) return this.#run(fn, settings);
    const room = settings.readOnly ? null : writer.room();
    if (room === null && options.touch === undefined && writer.takes() === null) return this.#run(fn, settings);
    return this.#prepared(fn, settings, room, options.touch ?? []);
  }

  async #prepared<T>(
    fn: TransactionFunction<T>,
    settings: TransactSettings,
    room: Promise<unknown> | null,
    touch: readonly Uint8Array[],
  ): Promise<TreeTransactOutcome<T>> {
    const { tree, writer } = this.host;
    await room;
    if (touch.length > 0) await tree.touch(touch);
    for (let takes = writer.takes(); takes !== null && !settings.readOnly; takes = writer.takes()) await takes;
    settings.signal?.throwIfAborted();
    if (this.#isClosed) throw new LockstepError('stopped', 'the tree is closed');
    this.checkOutside();
    return this.#run(fn, settings);
  }

  #run<T>(fn: TransactionFunction<T>, settings: TransactSettings): Promise<TreeTransactOutcome<T>> {
    const parts = this.takeParts();
    const view = this.viewOf(parts, settings);
    let value: T | Promise<T>;
    try {
      value = this.call(fn, view);
    } catch (error) {
      this.#end(view, parts);
      return this.#rejected(error, view.revision);
    }
    if (isPromise(value)) return new OptimisticRun(this, fn, settings, { view, parts, value }).outcome;
    const { writer } = this.host;
    const { writes } = view;
    if (writes.count === 0) {
      this.#end(view, parts);
      return this.readOutcome(value, view.revision);
    }
    const appended = writer.append(writes.view());
    this.#end(view, parts);
    const done = value;
    return appended.then((revision) => ({ kind: 'committed', value: done, revision }));
  }

  /** Ends all that are not being committed yet. */
  close(): void {
    this.#isClosed = true;
    for (const one of [...this.running]) one.stop();
  }

  #end(view: TransactionView, parts: TransactionParts): void {
    view[Symbol.dispose]();
    this.giveParts(parts);
  }

  // What an optimistic run needs.

  takeParts(): TransactionParts {
    return this.#parts.pop() ?? { own: new OwnWrites(), reads: new ReadSet() };
  }

  /** No view uses them any more. */
  giveParts(parts: TransactionParts): void {
    parts.own.clear();
    parts.reads.clear();
    if (this.#parts.length < partsMax) this.#parts.push(parts);
  }

  viewOf({ own, reads }: TransactionParts, { isolation, readOnly }: TransactSettings): TransactionView {
    const { tree, writer } = this.host;
    const revision = readOnly ? writer.visible : tree.revision;
    return new TransactionView(tree, revision, readOnly || isolation === 'snapshot' ? null : reads, own, readOnly);
  }

  /** Up to its first `await` nothing else happens. */
  call<T>(fn: TransactionFunction<T>, view: TransactionView): T | Promise<T> {
    this.#isRunning = true;
    try {
      return fn(view);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Of one that wrote nothing: it saw one moment, which nothing can change. */
  readOutcome<T>(value: T, revision: number): Promise<TreeTransactOutcome<T>> {
    const outcome: TreeTransactOutcome<T> = { kind: 'committed', value, revision };
    const acknowledged = this.host.writer.acknowledged(revision);
    return acknowledged === null ? Promise.resolve(outcome) : acknowledged.then(() => outcome);
  }

  /** What it threw may come of what it read. */
  async #rejected(error: unknown, revision: number): Promise<never> {
    await this.host.writer.acknowledged(revision);
    throw error;
  }
}

const isolations: readonly string[] = ['serializable', 'snapshot'] satisfies readonly Isolation[];

/** @throws LockstepError `misuse` for options that are none. */
function settingsOf({
  isolation = 'serializable',
  readOnly = false,
  attempts = 10,
  withinMs = 10_000,
  signal,
  name = 'transaction',
}: TransactOptions): TransactSettings {
  if (!isolations.includes(isolation))
    throw new LockstepError('misuse', 'isolation is serializable or snapshot', { values: { isolation } });
  if (!(Number.isSafeInteger(attempts) && attempts >= 1 && withinMs > 0 && withinMs < Infinity))
    throw new LockstepError('misuse', 'a transaction has at least one attempt, and a deadline', {
      values: { attempts, withinMs },
    });
  return { isolation, readOnly, attempts, withinMs, signal: signal ?? null, name };
}

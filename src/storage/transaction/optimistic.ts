/**
 * A transaction whose function waits: run on a view that stays as it is, checked at its end, and run again on the newest
 * state when it comes too late. Pauses between attempts are random and grow, so that those who disturbed each other
 * meet less often ("full jitter", M. Brooker, AWS, 2015).
 */
import type { Timer } from '../../env/timers.ts';
import { assert } from '../../kernel/assert.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { WaitEntry } from '../../observe/waits.ts';
import type { HeldRevision } from '../snapshots.ts';
import { conflictOfReads, conflictOfWrites, type Conflict } from './conflict.ts';
import { Conflicts } from './explain.ts';
import type { TransactionFunction, TransactionParts, Transactor, TransactSettings } from './transact.ts';
import type { TreeConflict, TreeTransactOutcome } from './transaction.ts';
import type { TransactionView } from './view.ts';

/** The first pause is shorter than this, each next one may be twice as long, up to the longest. */
const pauseMs = 1;
const pauseMsMax = 100;

/** One run of the function, whose first part was called. */
interface Attempt<T> {
  readonly view: TransactionView;
  readonly parts: TransactionParts;
  readonly value: T | Promise<T>;
}

export class OptimisticRun<T> {
  readonly outcome: Promise<TreeTransactOutcome<T>>;
  readonly #transactor: Transactor;
  readonly #fn: TransactionFunction<T>;
  readonly #settings: TransactSettings;
  readonly #conflicts = new Conflicts();
  /** What it holds, as long as it runs; null: it is over. */
  #attempt: { readonly view: TransactionView; readonly held: HeldRevision } | null = null;
  #count = 0;
  #began = -1;
  /** Settled when it is over before it could commit: at the deadline, by the signal. */
  readonly #over = Promise.withResolvers<TreeTransactOutcome<T>>();
  #isOver = false;
  #isSettled = false;
  #deadline: Timer | null = null;
  #pause: Timer | null = null;
  #entry: WaitEntry | null = null;

  constructor(transactor: Transactor, fn: TransactionFunction<T>, settings: TransactSettings, first: Attempt<T>) {
    this.#transactor = transactor;
    this.#fn = fn;
    this.#settings = settings;
    this.outcome = this.#begin(first);
  }

  #begin(first: Attempt<T>): Promise<TreeTransactOutcome<T>> {
    const { host } = this.#transactor;
    const { name, withinMs, signal } = this.#settings;
    this.#hold(first);
    this.#transactor.running.add(this);
    try {
      const about = { what: 'transaction', key: name, waitsFor: 'its function', withinMs };
      this.#entry = host.waits?.enter(about) ?? null;
    } catch (error) {
      this.#end();
      this.#ignore(first.value);
      return Promise.reject(error);
    }
    this.#deadline = host.env.timers.after(withinMs, () => this.#onDeadline());
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    const done = this.#attempts(first).finally(() => this.#end());
    return Promise.race([done, this.#over.promise]);
  }

  async #attempts(first: Attempt<T>): Promise<TreeTransactOutcome<T>> {
    for (let attempt = first; ; attempt = this.#again()) {
      const committed = await this.#commit(attempt);
      if (committed !== null) return committed;
      if (this.#isOver || this.#count >= this.#settings.attempts) return this.#lost();
      await this.#rest();
      if (this.#isOver) return this.#lost();
    }
  }

  /** Null: it was too late, or it is over. */
  async #commit(attempt: Attempt<T>): Promise<TreeTransactOutcome<T> | null> {
    const { view, parts } = attempt;
    const { writer } = this.#transactor.host;
    let isUsed = true;
    try {
      const value = await this.#valueOf(attempt);
      if (this.#isOver) return null;
      if (view.writes.count === 0) return await this.#read(value, view.revision);
      await this.#room();
      if (this.#isOver) return null;
      const conflict = this.#conflictOf(view);
      if (conflict !== null) {
        this.#conflicts.add(conflict);
        return null;
      }
      const appended = writer.append(view.writes.view());
      this.#settle();
      this.#release();
      this.#transactor.giveParts(parts);
      isUsed = false;
      return { kind: 'committed', value, revision: await appended };
    } finally {
      this.#release();
      if (isUsed) this.#transactor.giveParts(parts);
    }
  }

  /** What the function threw may come of what it read, so it is told when that is certain. */
  async #valueOf({ view, value }: Attempt<T>): Promise<T> {
    try {
      return await value;
    } catch (error) {
      if (!this.#isOver) await this.#transactor.host.writer.acknowledged(view.revision);
      throw error;
    }
  }

  #read(value: T, revision: number): Promise<TreeTransactOutcome<T>> {
    this.#settle();
    return this.#transactor.readOutcome(value, revision);
  }

  /** When it resolves, the journal takes what comes in the same step. */
  async #room(): Promise<void> {
    const { writer } = this.#transactor.host;
    this.#waitsFor('room for its writes');
    const room = writer.room();
    if (room !== null) await room;
    for (let takes = writer.takes(); takes !== null; takes = writer.takes()) await takes;
  }

  #conflictOf(view: TransactionView): Conflict | null {
    const { tree } = this.#transactor.host;
    if (view.reads === null) return conflictOfWrites(tree, view.revision, view.writes);
    return conflictOfReads(tree, view.revision, view.reads);
  }

  #again(): Attempt<T> {
    const parts = this.#transactor.takeParts();
    const view = this.#transactor.viewOf(parts, this.#settings);
    this.#waitsFor('its function');
    const value = this.#called(view);
    const attempt = { view, parts, value };
    this.#hold(attempt);
    return attempt;
  }

  #called(view: TransactionView): T | Promise<T> {
    try {
      return this.#transactor.call(this.#fn, view);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #hold({ view }: Attempt<T>): void {
    this.#count++;
    this.#began = view.revision;
    this.#attempt = { view, held: this.#transactor.host.readers.hold(view.revision) };
  }

  async #rest(): Promise<void> {
    const { timers, randomness } = this.#transactor.host.env;
    this.#waitsFor('its next attempt');
    const ms = randomness.float() * Math.min(pauseMsMax, pauseMs * 2 ** Math.min(this.#count, 16));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pause = timers.after(ms, resolve);
    await Promise.race([promise, this.#over.promise]);
  }

  #lost(): TreeConflict {
    const { last } = this.#conflicts;
    assert(last !== null || this.#isOver, 'what is not committed has a reason');
    return {
      kind: 'conflict',
      attempts: this.#count,
      reason: last?.reason ?? 'too-old',
      key: last?.reason === 'changed' ? last.key : null,
      explain: this.#conflicts.explain(this.#count, this.#began, this.#settings.isolation),
    };
  }

  #onDeadline(): void {
    if (this.#conflicts.last !== null) {
      this.#isOver = true;
      this.#over.resolve(this.#lost());
      return this.#end();
    }
    const { name, withinMs } = this.#settings;
    this.#abandon(
      new LockstepError('unavailable', 'the deadline came before the end of a transaction, and nothing was written', {
        values: { name, withinMs },
      }),
    );
  }

  readonly #onAbort = (): void => this.#abandon(this.#settings.signal?.reason);

  #abandon(reason: unknown): void {
    this.#isOver = true;
    this.#over.reject(reason);
    this.#end();
  }

  /** The tree is closed. What is being committed already is waited for. */
  stop(): void {
    if (this.#isSettled) return;
    this.#abandon(new LockstepError('stopped', 'the tree was closed before the end of a transaction'));
  }

  /** From here on the outcome is that of the journal: no deadline, no signal. */
  #settle(): void {
    this.#isSettled = true;
    this.#deadline?.cancel();
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#waitsFor('the journal');
  }

  #release(): void {
    this.#attempt?.view[Symbol.dispose]();
    this.#attempt?.held.release();
    this.#attempt = null;
  }

  #end(): void {
    this.#release();
    this.#settle();
    this.#pause?.cancel();
    this.#transactor.running.delete(this);
    this.#entry?.leave();
  }

  #waitsFor(what: string): void {
    if (this.#entry !== null) this.#entry.waitsFor = what;
  }

  /** Nobody is told what comes of it. */
  #ignore(value: T | Promise<T>): void {
    Promise.resolve(value).catch(() => {});
  }
}

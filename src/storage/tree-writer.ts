/**
 * The one way into a tree of its own: what is appended to the journal is applied at once, at the revision that is its
 * position there, and can be seen once it is acknowledged. So transactions run back to back on the newest state, and
 * nobody else sees what may still be lost.
 */
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Journal } from '../wal/journal.ts';
import type { AppendOutcome } from '../wal/journal-options.ts';
import { journalPosition } from '../wal/position.ts';
import type { Tree } from './tree.ts';
import { batchBytesMax } from './write-batch.ts';
import type { WriterPressure } from './writer-pressure.ts';

/** Waits for no entry that will ever be: it is over when the journal is. */
const never = journalPosition(Number.MAX_SAFE_INTEGER);

export class TreeWriter {
  readonly #tree: Tree;
  /** Null: it is open for reading only. */
  readonly #journal: Journal | null;
  readonly #pressure: WriterPressure;
  /** Called when there is more to be seen. */
  readonly #onVisible: (revision: number) => void;
  #visible: number;
  #ended: Promise<unknown> | null = null;
  /** An append has failed: the journal takes nothing more, and each append is told why. */
  #isEnded = false;
  #trimming: Promise<void> | null = null;

  constructor(tree: Tree, journal: Journal | null, pressure: WriterPressure, onVisible: (revision: number) => void) {
    this.#tree = tree;
    this.#journal = journal;
    this.#pressure = pressure;
    this.#onVisible = onVisible;
    this.#visible = tree.revision;
    journal?.whenDurable(() => this.#advanceDurable());
  }

  /** The newest revision that was acknowledged. */
  get visible(): number {
    return this.#visible;
  }

  /** Null: there is room. Otherwise resolves when there is, once. @throws as `WriterPressure.room`. */
  room(): Promise<unknown> | null {
    if (this.#isEnded) return null; // the journal tells why
    const room = this.#pressure.room();
    if (room === null || this.#journal === null) return room;
    this.#ended ??= this.#journal.reached(never);
    return Promise.race([room, this.#ended]);
  }

  /** Null: the journal takes the largest batch at once. Otherwise to be asked again when it resolves. */
  takes(): Promise<void> | null {
    const journal = this.#journal;
    if (journal === null || this.#isEnded || journal.waitingBytes <= batchBytesMax) return null;
    return journal.room();
  }

  /**
   * Appends and applies a batch, as encoded; it is copied. Resolves with its revision once it is acknowledged. Only when
   * `takes` is null. @throws as `Journal.append`: then nothing more is written until it is opened anew; `stopped`.
   */
  append(batch: Uint8Array): Promise<number> {
    const journal = this.#journal;
    assert(journal !== null, 'who has no journal has no room for writers');
    const revision = journal.appended;
    const outcome = journal.append([batch]);
    if (journal.appended !== revision) this.#tree.apply(revision, batch);
    return outcome.then(this.#acknowledged, this.#failed);
  }

  /** Null: everything up to this revision is acknowledged. Otherwise resolves when it is. @throws what ended the journal. */
  acknowledged(revision: number): Promise<void> | null {
    return revision <= this.#visible ? null : this.#reached(revision);
  }

  async #reached(revision: number): Promise<void> {
    const journal = this.#journal;
    assert(journal !== null && revision < journal.appended, 'what was applied was appended');
    if ((await journal.reached(journalPosition(revision))) === 'ended') await journal.sync(); // throws why
    this.#see();
  }

  /** Resolves when everything appended so far is acknowledged, and survives a loss of power. */
  async sync(): Promise<void> {
    await this.acknowledged(this.#tree.revision);
    await this.#journal?.sync();
  }

  /** Gives up all of the journal that the tables have. */
  async trimAll(): Promise<void> {
    await this.#journal?.trimAllBefore(journalPosition(this.#tree.flushed.revision + 1));
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    await this.#trimming;
  }

  readonly #acknowledged = (outcome: AppendOutcome): number => {
    if (outcome.kind === 'refused') throw new LockstepError('stopped', 'the tree is closed');
    assert(outcome.kind === 'appended', 'there was room in the journal');
    if (outcome.first > this.#visible) this.#see();
    return outcome.first;
  };

  readonly #failed = (error: unknown): never => {
    this.#isEnded = true;
    throw error;
  };

  /** All that the journal has acknowledged by now. */
  #see(): void {
    const visible = (this.#journal?.next ?? 0) - 1;
    if (visible <= this.#visible) return;
    this.#visible = visible;
    this.#advanceDurable();
    this.#onVisible(visible);
    this.#trimIfUseful();
  }

  #advanceDurable(): void {
    const durable = (this.#journal?.durable ?? 0) - 1;
    if (durable > this.#tree.durableRevision) this.#tree.setDurable(durable, durable);
  }

  /** Gives up what the tables have, from time to time: when a whole segment of the journal can go. */
  #trimIfUseful(): void {
    const end = journalPosition(this.#tree.flushed.revision + 1);
    if (this.#trimming !== null || this.#journal?.trims(end) !== true) return;
    this.#trimming = this.#journal
      .trimBefore(end)
      .catch(() => {}) // the journal is finished then, and tells every writer
      .finally(() => (this.#trimming = null));
  }
}

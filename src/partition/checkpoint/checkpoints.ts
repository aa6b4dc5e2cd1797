/**
 * The checkpoints of a partition on this node: those that it publishes while it leads, backups, and that of another
 * replica which becomes its state when the log no longer has what it lacks.
 */
import type { CheckpointStore } from '../../checkpoint/port.ts';
import type { Ports } from '../../env/env.ts';
import { asError, isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { elapsedMs, type Instant } from '../../kernel/time.ts';
import { position } from '../../log/coordinates.ts';
import type { Log, Position } from '../../log/port.ts';
import { pause, within } from '../../log/within.ts';
import type { Waits } from '../../observe/waits.ts';
import type { TreeOptions } from '../../storage/options.ts';
import { WriterPressure } from '../../storage/writer-pressure.ts';
import type { Progress } from '../progress.ts';
import type { Replica } from '../replica.ts';
import { printToken } from '../token.ts';
import type { Token } from '../transaction.ts';
import { addCheckpoint, type AddOptions, type BackupProgress } from './archive.ts';
import type { KeptCheckpoint } from './catalogue.ts';
import { CheckpointHolder, type HeldCheckpoint } from './held-checkpoint.ts';
import { openState, writeBeside, type InstallPorts } from './install.ts';
import { checkpointsOf, type CheckpointSource, type OfferedCheckpoint } from './source.ts';
import type { StateDirectory } from './state-directory.ts';

export interface BackupOptions {
  /** How many checkpoints stay in the store, this one included; at least 2. Default 2. */
  readonly keep?: number | undefined;
  /** Ends it; it rejects with the signal's reason. What was uploaded goes with a later backup. */
  readonly signal?: AbortSignal | undefined;
  /** After each file. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

export interface Backup {
  /** All up to it is in the backup. */
  readonly revision: number;
  readonly token: Token;
  /** Of all its files, and of those that the store did not have. */
  readonly bytes: number;
  readonly bytesNew: number;
  readonly filesNew: number;
}

/** The log begins behind what a replica has. */
export interface Lacking {
  /** The first record that there is. */
  readonly earliest: Position;
}

export interface CheckpointsSetup {
  readonly ports: InstallPorts & Pick<Ports, 'randomness'>;
  readonly waits: Waits | null;
  readonly key: string;
  readonly log: Log;
  readonly replica: Replica;
  readonly state: StateDirectory;
  readonly treeOptions: TreeOptions;
  /** Where this node publishes, and what it asks last. */
  readonly store: CheckpointStore | null;
  /** Asked first, in this order. */
  readonly peers: readonly CheckpointSource[];
  /** Between two that are published, at least. */
  readonly everyMs: number;
}

/** The last two: one may be damaged. */
const publishedCount = 2;
/** Before sources are asked again that had nothing of use: at random, up to this. */
const askPauseMsMax = 1_000;
const settleMsMax = 30_000;

export class Checkpoints {
  readonly #setup: CheckpointsSetup;
  readonly #holder: CheckpointHolder;
  readonly #sources: readonly CheckpointSource[];
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  /** In the store, of this log, newest first; as of when this node published last. */
  #published: readonly KeptCheckpoint[] = [];
  #isPublishing = false;
  #triedAt: Instant | null = null;
  #failure: Error | null = null;

  constructor(setup: CheckpointsSetup) {
    const { ports, replica, log, store, peers } = setup;
    this.#setup = setup;
    this.#holder = new CheckpointHolder(ports.disk, replica, log.id);
    this.#sources = store === null ? peers : [...peers, checkpointsOf(store)];
  }

  /** Why the last attempt to publish or to fetch one came to nothing; null when it did not. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** What is before is needed by nobody: neither this node nor one that begins with a published checkpoint. Null: not known. */
  get neededFrom(): Position | null {
    const { store, replica } = this.#setup;
    if (store === null) return replica.neededFrom;
    const older = this.#published[publishedCount - 1];
    return older === undefined ? null : position(Math.min(replica.neededFrom, older.position + 1));
  }

  /** For whoever leads, after each record: publishes what was flushed, if it is time. `onPublished`: more may be trimmed. */
  publishIfDue(onPublished: () => void): void {
    const { store, replica, ports, everyMs, state } = this.#setup;
    const newest = this.#published[0]?.revision ?? 0;
    if (store === null || this.#isPublishing || replica.flushedRevision <= newest) return;
    if (this.#triedAt !== null && elapsedMs(this.#triedAt, ports.clock.now()) < everyMs) return;
    const held = this.#holder.hold(state.tables);
    if (held === null) return;
    this.#triedAt = ports.clock.now();
    this.#isPublishing = true;
    const published = this.#add(store, held, { keep: publishedCount, signal: this.#closing.signal }).then(
      ({ kept }) => {
        this.#failure = null;
        this.#published = kept.filter(({ log }) => log === held.about.log);
        onPublished();
      },
      (error: unknown) => {
        this.#failure = asError(error); // tried again when it is time again; until then nothing more is trimmed
      },
    );
    void published.then(() => (this.#isPublishing = false));
  }

  /** @throws as `Partition.backup`. */
  async backup(
    store: CheckpointStore,
    progress: Progress,
    { keep = 2, signal, onProgress }: BackupOptions,
  ): Promise<Backup> {
    if (!(Number.isSafeInteger(keep) && keep >= 2))
      throw new LockstepError('misuse', 'at least two backups are kept: one may be damaged', { values: { keep } });
    const { ports, replica, key, state } = this.#setup;
    const signals = [this.#closing.signal, signal];
    const about = { what: 'backup', key, waitsFor: 'the log to be read again up to what was flushed', signal };
    const { tree } = replica;
    tree.seal();
    await within(ports.timers, Infinity, signals, () => tree.background.flushedUpTo(replica.durableRevision));
    await progress.until(() => replica.knowsTimeOfFlushed, { ...about, withinMs: settleMsMax });
    const held = this.#holder.hold(state.tables);
    if (held === null)
      throw new LockstepError('unavailable', 'nothing was ever written to this partition', { values: { key } });
    const adding = within(ports.timers, Infinity, signals, (stop) =>
      this.#add(store, held, { keep, signal: stop, onProgress }),
    );
    const ended = await adding;
    if (ended.kind === 'late') throw new LockstepError('stopped', 'the backup was given up', { values: { key } });
    const { bytes, bytesNew, filesNew } = ended.value;
    const { partition, generation, revision } = held.about;
    return { revision, token: printToken({ partition, generation, revision }), bytes, bytesNew, filesNew };
  }

  /** Released only when it has truly ended, whoever still waits for it. */
  async #add(store: CheckpointStore, held: HeldCheckpoint, options: AddOptions): ReturnType<typeof addCheckpoint> {
    const adding = addCheckpoint(store, held, options).finally(() => held.release());
    const run = adding.then(
      () => {},
      () => {}, // whoever began it is told
    );
    this.#running.add(run);
    void run.then(() => this.#running.delete(run));
    return adding;
  }

  /**
   * Makes a checkpoint of another replica this one's state, however long it takes until there is one. `onReplace`: from
   * here on the state that was there may not be read any more.
   * @throws LockstepError `unavailable` when there is nowhere to ask; `disk-full`, `disk-failed`; the signal's reason.
   */
  async catchUp({ earliest }: Lacking, signal: AbortSignal, onReplace: () => void): Promise<void> {
    const { ports, waits, key, replica } = this.#setup;
    if (this.#sources.length === 0)
      throw new LockstepError('unavailable', 'the log no longer has what this replica lacks', {
        values: { key, position: replica.place.position, revision: replica.durableRevision, earliest },
        advice: ['give it `checkpoints`, a store to which whoever leads publishes; or a peer that has one'],
      });
    const waitsFor = `a checkpoint from which the log goes on, which begins at position ${earliest}`;
    const wait = waits?.enterIfRoom({ what: 'follow', key, waitsFor, withinMs: null });
    try {
      for (;;) {
        signal.throwIfAborted();
        if (await this.#fetch(earliest, signal, onReplace)) return;
        await pause(ports.timers, ports.randomness.float() * askPauseMsMax, [signal]);
      }
    } finally {
      wait?.leave();
    }
  }

  async #fetch(earliest: Position, signal: AbortSignal, onReplace: () => void): Promise<boolean> {
    const { log, replica } = this.#setup;
    for (const source of this.#sources) {
      const offers = await this.#noting(() => source.offers(log.id, signal));
      for (const offer of offers ?? []) {
        const { about } = offer;
        const isNewer = about.position > replica.place.position && about.revision > replica.durableRevision;
        if (about.log !== log.id || !isNewer || about.position + 1 < earliest) continue;
        const number = await this.#noting(() => this.#write(offer, signal));
        if (number === null) continue;
        await this.#install(number, onReplace);
        this.#failure = null;
        return true;
      }
    }
    return false;
  }

  #write(offer: OfferedCheckpoint, signal: AbortSignal): Promise<number> {
    const { ports, state, treeOptions, replica } = this.#setup;
    return writeBeside(ports, state, offer, { codec: treeOptions.codec, levelMax: replica.levelMax, signal });
  }

  /** Null: it did not work, and the next source may have better. */
  async #noting<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      const isTheirs = ['corrupt', 'invalid', 'unavailable', 'overloaded', 'unknown', 'rejected'] as const;
      if (!isTheirs.some((kind) => isLockstepError(error, kind))) throw error;
      this.#failure = asError(error);
      return null;
    }
  }

  async #install(number: number, onReplace: () => void): Promise<void> {
    const { ports, waits, replica, state, treeOptions } = this.#setup;
    await state.switchTo(number);
    const tree = await openState(ports, state.tables, treeOptions);
    const before = replica.tree;
    onReplace();
    replica.replaceWith(tree, new WriterPressure(ports, tree, treeOptions, waits, 'make-durable'));
    await before.close();
    await state.clearOthers();
  }

  /** Resolves when nothing is under way any more. */
  async close(reason: Error): Promise<void> {
    this.#closing.abort(reason);
    await Promise.all(this.#running);
  }
}

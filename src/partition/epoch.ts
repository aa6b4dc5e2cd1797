/** One epoch of leading: its leader, and the services that act in it. Everything here ends with it. */
import { compareRanges } from '../bytes/compare.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import { asError, LockstepError } from '../kernel/errors.ts';
import { newLogId } from '../log/chain.ts';
import { BeforeImages, CaptureService } from './capture/before-images.ts';
import type { EpochEnd } from './group-commit.ts';
import type { NotedCommit } from './group.ts';
import { Leader, type LeaderSetup } from './leader.ts';
import { systemNames } from './replica.ts';
import type { Commit, EpochService, EpochServiceMaker, Leading } from './transaction.ts';
import { TreeReader } from './tree-reader.ts';
import { timeOfCommand, timePrefix } from './command-id.ts';
import { KeySpace } from './key-space.ts';

const nothing = new Uint8Array(0);
/** So many command ids are counted at a time, between which others run. */
const countedAtOnce = 1_000;

/** Ids that are counted together. */
interface IdRun {
  /** Of the first. */
  readonly ms: number;
  /** The key behind all of them. */
  readonly end: Uint8Array;
  count: number;
}

export type EpochSetup = Omit<LeaderSetup, 'images' | 'onCommits' | 'onEnd'>;

export class LeadingEpoch {
  readonly leader: Leader;
  /** Resolves when it is over; everybody who waited was told by then. */
  readonly ended: Promise<EpochEnd>;
  readonly #setup: EpochSetup;
  readonly #services: readonly EpochService[];
  readonly #over = new AbortController();
  readonly #commitListeners: ((commit: Commit) => void)[] = [];
  readonly #noteListeners = new Map<string, ((note: unknown, commit: Commit) => void)[]>();
  #isOver = false;

  /** `onCommits` hears of all that becomes durable, before the services do. */
  constructor(setup: EpochSetup, makers: readonly EpochServiceMaker[], onAdvance: () => void) {
    this.#setup = setup;
    const images = new BeforeImages(setup.replica, setup.settings.limits.payloadBytesMax);
    this.#services = [new CaptureService(images), ...makers.map((make) => make())];
    const ended = Promise.withResolvers<EpochEnd>();
    this.ended = ended.promise;
    this.leader = new Leader({
      ...setup,
      images,
      onCommits: (commits) => {
        onAdvance();
        this.#tell(commits);
      },
      onEnd: (end) => {
        this.#isOver = true;
        const reason = new LockstepError('stopped', 'this epoch is over', { values: { epoch: setup.writer.epoch } });
        setup.ports.timers.after(0, () => this.#over.abort(reason));
        ended.resolve(end);
      },
    });
  }

  /** Begins to act. A partition that nobody ever wrote to gets its identity first. */
  begin(): void {
    const { replica, ports } = this.#setup;
    if (replica.identity === null) {
      const id = newLogId(ports.randomness).slice(0, 16);
      const begun = this.leader.transact(null, (tx) => {
        tx.system(systemNames.partition, 'local').set([], { id, generation: 1 });
      });
      begun.catch(() => {}); // if it failed the epoch is over, and says why; the next one begins with it again
    }
    this.#countCommands();
    for (const service of this.#services) service.start(this.#leading());
  }

  /** Once it is over: resolves when no service does anything any more. */
  async stop(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.stop()));
  }

  #leading(): Leading {
    const { ports, waits, writer, replica, key } = this.#setup;
    const reader = new TreeReader(replica.tree, {
      revision: () => replica.durableRevision,
      walking: (held) => held.release,
    });
    return {
      name: key,
      epoch: writer.epoch,
      ports,
      waits,
      signal: this.#over.signal,
      reader,
      transact: (place, fn, options) => this.leader.transact(place, fn, options),
      now: () => this.#now(),
      fail: (error) => this.leader.commit.finish({ kind: 'failed', error }),
      onCommit: (listener) => void this.#commitListeners.push(listener),
      onNote: (topic, listener) => {
        const listeners = this.#noteListeners.get(topic) ?? [];
        this.#noteListeners.set(topic, [...listeners, listener]);
      },
    };
  }

  /** What is refused now will be given later: not before the newest time that there is. */
  #now(): HybridTimestamp {
    const { clock } = this.leader;
    const now = clock.now();
    if (typeof now === 'number') return now;
    if (clock.last !== null) return clock.last;
    throw new LockstepError('unavailable', "this node's clock shows a time that cannot be", {
      values: { reason: now.reason },
    });
  }

  #tell(commits: readonly NotedCommit[]): void {
    if (this.#commitListeners.length === 0 && this.#noteListeners.size === 0) return;
    for (const { commit, notes } of commits) {
      for (const listener of this.#commitListeners) listener(commit);
      for (const { topic, note } of notes)
        for (const listener of this.#noteListeners.get(topic) ?? []) listener(note, commit);
    }
  }

  /** Those that are remembered already, a part at a time: until then fewer are counted than there are, which forgets none early. */
  #countCommands(): void {
    const { replica, ports } = this.#setup;
    const { revision, held } = replica.holdDurable();
    const reader = new TreeReader(replica.tree, { revision: () => revision, walking: (walk) => walk.release });
    const ids = KeySpace.ofSystem(systemNames.command);
    const { commands } = this.leader;
    // What was forgotten is passed over: many entries may stand there still, under the tombstone of their range.
    let after = ids.key([timePrefix(commands.horizon)]);
    const step = (): void => {
      let count = 0;
      let run: IdRun = { ms: 0, end: nothing, count: 0 };
      for (const { keyBytes, keyStart, keyEnd } of this.#isOver ? [] : reader.keys(ids, after)) {
        // Of those that are counted together the time of the first alone is asked for: they stand in the order of time.
        if (compareRanges(keyBytes, keyStart, keyEnd, run.end, 0, run.end.length) >= 0) {
          if (run.count > 0) commands.add(run.ms, run.count);
          const ms = timeOfCommand(String(ids.tupleOf(keyBytes, keyStart, keyEnd)[0]));
          run = { ms, end: ids.key([timePrefix(commands.endOfStep(ms))]), count: 0 };
        }
        run.count++;
        if (++count < countedAtOnce) continue;
        after = keyBytes.slice(keyStart, keyEnd);
        break;
      }
      if (run.count > 0) commands.add(run.ms, run.count);
      if (count === countedAtOnce) ports.timers.after(0, guarded);
      else held.release();
    };
    const guarded = (): void => {
      try {
        step();
      } catch (error) {
        held.release();
        this.leader.commit.finish({ kind: 'failed', error: asError(error) });
      }
    };
    guarded();
  }
}

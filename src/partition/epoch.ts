/** One epoch of leading: its leader, and the services that act in it. Everything here ends with it. */
import type { HybridTimestamp } from '../clock/timestamp.ts';
import { asError, LockstepError } from '../kernel/errors.ts';
import { newLogId } from '../log/chain.ts';
import { BeforeImages, CaptureService } from './capture/before-images.ts';
import { countCommands } from './command-count.ts';
import type { EpochEnd } from './group-commit.ts';
import type { NotedCommit } from './group.ts';
import { Leader, type LeaderSetup } from './leader.ts';
import { systemNames } from './replica.ts';
import type { Commit, EpochService, EpochServiceMaker, Leading } from './transaction.ts';
import { TreeReader } from './tree-reader.ts';

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
  /** Command ids of before are counted; this ends it. Null: there are too few to count them. */
  #endCount: (() => void) | null = null;

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
        this.#countCommands();
        this.#tell(commits);
      },
      onEnd: (end) => {
        this.#endCount?.();
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

  /** Each id is of a revision: while there are not half as many as ids may be remembered, none will soon be forgotten. */
  #countCommands(): void {
    const { replica, ports, settings } = this.#setup;
    const { commands, commit } = this.leader;
    if (this.#endCount !== null || commit.end !== null || replica.revision * 2 < settings.commands.countMax) return;
    commands.forgetCounts(); // of this epoch until now: what is there is counted anew
    const onFailed = (error: unknown): void => commit.finish({ kind: 'failed', error: asError(error) });
    this.#endCount = countCommands({ replica, timers: ports.timers, commands, onFailed });
  }

  #tell(commits: readonly NotedCommit[]): void {
    if (this.#commitListeners.length === 0 && this.#noteListeners.size === 0) return;
    for (const { commit, notes } of commits) {
      for (const listener of this.#commitListeners) listener(commit);
      for (const { topic, note } of notes)
        for (const listener of this.#noteListeners.get(topic) ?? []) listener(note, commit);
    }
  }
}

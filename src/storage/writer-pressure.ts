/**
 * Holds writers back when the background cannot follow: a little, in proportion, from some tables on level 0 on, and
 * altogether when too many memtables or tables wait. Whoever waits stands in the registry of waits.
 */
import { elapsedMs } from '../kernel/time.ts';
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Waits } from '../observe/waits.ts';
import type { TreeOptions } from './options.ts';
import type { Tree } from './tree.ts';

/** The longest pause of a writer that is only slowed. */
const pauseMsMax = 8;

/**
 * Who waits. `write`: whoever writes, and what was written becomes durable meanwhile. `make-durable`: whoever makes durable
 * what is in the memtables already; then only what is durable can be waited for, as nothing else is flushed before.
 */
export type Waiters = 'write' | 'make-durable';

export class WriterPressure {
  readonly #timers: Ports['timers'];
  readonly #clock: Ports['clock'];
  readonly #tree: Tree;
  readonly #options: TreeOptions;
  readonly #waits: Waits | null;
  readonly #waiters: Waiters;
  /** How often writers were held back altogether, and slowed. */
  stopCount = 0;
  slowCount = 0;
  /** For how long, all writers together. */
  stopMs = 0;
  slowMs = 0;

  constructor(
    { timers, clock }: Pick<Ports, 'timers' | 'clock'>,
    tree: Tree,
    options: TreeOptions,
    waits: Waits | null,
    waiters: Waiters,
  ) {
    this.#timers = timers;
    this.#clock = clock;
    this.#tree = tree;
    this.#options = options;
    this.#waits = waits;
    this.#waiters = waiters;
  }

  /** Null: there is room. Otherwise resolves when there is. @throws what stopped the background; `stopped`. */
  room(): Promise<void> | null {
    const { background } = this.#tree;
    if (background.failure !== null) return Promise.reject(background.failure);
    if (this.#reasonToStop() !== null) return this.#stop();
    const over = (background.manifest.levels[0]?.length ?? 0) - this.#options.slowFromCount;
    return over < 0 ? null : this.#slow(over);
  }

  #reasonToStop(): string | null {
    const { flushableCount, sealed, manifest } = this.#tree.background;
    const count = this.#waiters === 'make-durable' ? flushableCount : sealed.length;
    if (count > this.#options.sealedCountMax) return `the flush of ${count} memtables`;
    const tables = manifest.levels[0]?.length ?? 0;
    return tables >= this.#options.stopFromCount ? `the compaction of ${tables} tables on level 0` : null;
  }

  async #stop(): Promise<void> {
    this.stopCount++;
    const { background } = this.#tree;
    const about = { what: 'write', key: 'tree', waitsFor: this.#reasonToStop() ?? 'room', withinMs: null };
    const entry = this.#waits?.enterIfRoom(about) ?? null;
    const from = this.#clock.now();
    try {
      for (let reason = this.#reasonToStop(); reason !== null; reason = this.#reasonToStop()) {
        if (entry !== null) entry.waitsFor = reason;
        if (background.failure !== null) throw background.failure;
        if (background.isClosed) throw new LockstepError('stopped', 'the tree is closed');
        await background.changed;
      }
    } finally {
      this.stopMs += elapsedMs(from, this.#clock.now());
      entry?.leave();
    }
  }

  #slow(over: number): Promise<void> {
    this.slowCount++;
    const { slowFromCount, stopFromCount } = this.#options;
    const from = this.#clock.now();
    const pauseMs = (pauseMsMax * (over + 1)) / Math.max(1, stopFromCount - slowFromCount);
    return new Promise((resolve) => {
      this.#timers.after(pauseMs, () => {
        this.slowMs += elapsedMs(from, this.#clock.now());
        resolve();
      });
    });
  }
}

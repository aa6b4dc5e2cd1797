/** Raises the format level while this node leads, as soon as all members read a higher one. */
import type { Timer } from '../env/timers.ts';
import { levelOf, levelSystem, type LevelMember } from './level.ts';
import type { Replica } from './replica.ts';
import type { EpochService, Leading } from './transaction.ts';

/** Whether everybody reads more than before is looked at this often. */
const lookMs = 10_000;

export class LevelService implements EpochService {
  readonly #replica: Replica;
  readonly #members: () => readonly LevelMember[];
  #leading: Leading | null = null;
  #timer: Timer | null = null;
  #raising: Promise<void> = Promise.resolve();

  /** `members`: all that follow the log, as far as is known; this node need not be among them. */
  constructor(replica: Replica, members: () => readonly LevelMember[]) {
    this.#replica = replica;
    this.#members = members;
  }

  start(leading: Leading): void {
    this.#leading = leading;
    this.#look();
  }

  async stop(): Promise<void> {
    this.#leading = null;
    this.#timer?.cancel();
    await this.#raising;
  }

  #look(): void {
    const leading = this.#leading;
    const { level, levelMax } = this.#replica;
    if (leading === null || level >= levelMax) return;
    const common = Math.min(levelMax, ...this.#members().map((one) => one.levelMax));
    // What is refused, or in doubt, is looked at again.
    if (common > level) this.#raising = this.#raise(leading, common).catch(() => {});
    this.#timer = leading.ports.timers.after(lookMs, () => this.#look());
  }

  async #raise(leading: Leading, to: number): Promise<void> {
    const raised = await leading.transact(null, (tx) => {
      const space = tx.system(levelSystem, 'local');
      if (levelOf(space.get([])) < to) space.set([], to);
    });
    if (raised.kind === 'committed') this.#replica.noteLevel();
  }
}

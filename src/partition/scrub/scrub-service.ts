/**
 * Scrubs as whoever leads begins and ends them: marks a revision when it is time, or when asked, and puts the sum of what
 * this replica hashed there into the log, for all to compare. A mark that an earlier leader left without its sum is ended
 * by the next one, if that hashed it too. A partition to which nothing was written since is left alone.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import type { Timer } from '../../env/timers.ts';
import { atMost, pause } from '../../log/within.ts';
import type {
  EpochService,
  Leading,
  NotLeader,
  Refused,
  Synchronous,
  Transaction,
  TransactOutcome,
} from '../transaction.ts';
import { markKey, markOf, putMark, putSum, scrubSystem, sumKey, sumStandingIn, type ScrubMark } from './scrub-state.ts';
import type { Scrubber, ScrubResult } from './scrubber.ts';
import { sumOf } from './state-hash.ts';

/** `given-up`: hashing took too long. A replica that comes to another sum tells nobody but stops. */
export type ScrubOutcome =
  | ({ readonly kind: 'scrubbed' } & Omit<ScrubResult, 'agreed'>)
  | { readonly kind: 'given-up' }
  | NotLeader
  | Refused;

/** Before what was refused is tried again. */
const refusedPauseMs = 1_000;
const over: NotLeader = { kind: 'not-leader', leader: null };

export class ScrubService implements EpochService {
  readonly #scrubber: Scrubber;
  readonly #everyMs: number;
  #leading: Leading | null = null;
  #timer: Timer | null = null;
  #underWay: Promise<ScrubOutcome> | null = null;

  constructor(scrubber: Scrubber, everyMs: number) {
    this.#scrubber = scrubber;
    this.#everyMs = everyMs;
  }

  start(leading: Leading): void {
    this.#leading = leading;
    const { mark, isOpen } = standing(leading);
    if (mark !== null && isOpen) void this.#begin(leading, () => this.#end(leading, mark.number)).catch(() => {}); // as below
    else this.#schedule(leading, mark);
  }

  async stop(): Promise<void> {
    this.#leading = null;
    this.#timer?.cancel();
    await this.#underWay?.catch(() => {}); // it is told to whoever asked for it
  }

  /** Begins one, or joins the one that is under way. @throws as a transaction. */
  scrub(): Promise<ScrubOutcome> {
    const leading = this.#leading;
    if (leading === null) return Promise.resolve(over);
    return this.#underWay ?? this.#begin(leading, () => this.#scrub(leading));
  }

  #begin(leading: Leading, run: () => Promise<ScrubOutcome>): Promise<ScrubOutcome> {
    this.#timer?.cancel();
    const underWay = run()
      .catch((error: unknown) => {
        if (leading.signal.aborted) return over;
        throw error;
      })
      .finally(() => {
        this.#underWay = null;
        if (this.#leading !== null) this.#schedule(leading, standing(leading).mark);
      });
    this.#underWay = underWay;
    return underWay;
  }

  #schedule(leading: Leading, mark: ScrubMark | null): void {
    const { clock, timers } = leading.ports;
    const agoMs = mark === null ? 0 : Math.max(0, clock.wall() - mark.atMs);
    this.#timer = timers.after(Math.max(refusedPauseMs, this.#everyMs - agoMs), () => {
      // What became of one that is in doubt the next one sees.
      if (this.#scrubber.isIdle) this.#schedule(leading, null);
      else void this.scrub().catch(() => {});
    });
  }

  async #scrub(leading: Leading): Promise<ScrubOutcome> {
    const { timers } = leading.ports;
    // As a follower it may have begun with an older mark.
    await atMost(timers, Infinity, [leading.signal], () => this.#scrubber.ended());
    const marked = await leading.transact(null, (tx) => {
      const space = tx.system(scrubSystem, 'local');
      const number = (markOf(space.get(markKey))?.number ?? 0) + 1;
      putMark(space, { number, atMs: hybridWall(tx.now) });
      return number;
    });
    return 'value' in marked ? this.#end(leading, marked.value) : refusalOf(marked);
  }

  async #end(leading: Leading, number: number): Promise<ScrubOutcome> {
    const { timers } = leading.ports;
    const waited = await atMost(timers, Infinity, [leading.signal], () => this.#scrubber.hashed(number));
    const own = waited.kind === 'done' ? waited.value : null;
    if (own === null) return { kind: 'given-up' };
    const put = await this.#untilTaken(leading, (tx) => {
      const atMs = hybridWall(tx.now);
      putSum(tx.system(scrubSystem, 'local'), { ...own, atMs });
      return atMs;
    });
    if (!('value' in put)) return refusalOf(put);
    return { kind: 'scrubbed', revision: own.revision, sum: sumOf(own.sums), atMs: put.value };
  }

  /** What is refused for now is tried again while this node leads. */
  async #untilTaken<T>(leading: Leading, fn: (tx: Transaction) => Synchronous<T>): Promise<TransactOutcome<T>> {
    for (;;) {
      const outcome = await leading.transact(null, fn);
      const isPassing = outcome.kind === 'refused' && (outcome.reason === 'full' || outcome.reason === 'clock');
      if (!isPassing) return outcome;
      await pause(leading.ports.timers, refusedPauseMs, [leading.signal]);
    }
  }
}

/** The newest mark, and whether its sum is still to come. */
function standing({ reader }: Leading): { readonly mark: ScrubMark | null; readonly isOpen: boolean } {
  const space = reader.system(scrubSystem, null);
  const mark = markOf(space.get(markKey));
  const sum = sumStandingIn(space.get(sumKey));
  return { mark, isOpen: mark !== null && mark.number > (sum?.number ?? 0) };
}

function refusalOf(outcome: Exclude<TransactOutcome<number>, { readonly value: number }>): ScrubOutcome {
  return outcome.kind === 'expired' ? { kind: 'given-up' } : outcome;
}

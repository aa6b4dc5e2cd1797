/**
 * Keeps the log for the holds that stand in the state, while this node leads: who leads is who trims. Until it has found
 * where each of them is nothing is trimmed. A hold that is lost is taken out of the state.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import type { Timer } from '../../env/timers.ts';
import { asError } from '../../kernel/errors.ts';
import { nextPosition, position } from '../../log/coordinates.ts';
import type { Hold, Log } from '../../log/port.ts';
import { isPassing, pause } from '../../log/within.ts';
import { positionBefore } from '../log-search.ts';
import type { Replica } from '../replica.ts';
import type { EpochService, Leading } from '../transaction.ts';
import { holdTopic, logHolds, releaseLog, type LogHold } from './log-hold.ts';

/** How often it looks whether one is lost, while there are any. */
const lookMs = 1_000;
const pauseMs = 100;

interface Kept {
  stands: LogHold;
  readonly hold: Hold;
  /** The place that is kept, once it is found. */
  at: number | null;
}

export class HoldService implements EpochService {
  readonly #log: Log;
  readonly #replica: Replica;
  readonly #kept = new Map<string, Kept>();
  #leading: Leading | null = null;
  #timer: Timer | null = null;
  readonly #underWay = new Set<Promise<void>>();

  constructor(log: Log, replica: Replica) {
    this.#log = log;
    this.#replica = replica;
  }

  start(leading: Leading): void {
    this.#leading = leading;
    leading.onNote(holdTopic, () => this.#follow(leading));
    this.#follow(leading);
  }

  async stop(): Promise<void> {
    this.#leading = null;
    this.#timer?.cancel();
    for (const { hold } of this.#kept.values()) hold.release();
    this.#kept.clear();
    await Promise.all(this.#underWay);
  }

  /** How many records are kept for this hold; null: it is not known yet, or there is no such hold. */
  recordsKept(name: string): number | null {
    const at = this.#kept.get(name)?.at ?? null;
    return at === null ? null : Math.max(0, this.#replica.place.position - at);
  }

  /** What is held is what stands in the durable state. */
  #follow(leading: Leading): void {
    const standing = new Map(logHolds(leading.reader).map((one) => [one.name, one]));
    for (const [name, { hold }] of this.#kept)
      if (!standing.has(name)) {
        hold.release();
        this.#kept.delete(name);
      }
    for (const stands of standing.values()) this.#keep(leading, stands);
    if (this.#kept.size > 0 && this.#timer === null) this.#look(leading);
  }

  #keep(leading: Leading, stands: LogHold): void {
    const before = this.#kept.get(stands.name);
    if (before?.stands.revision === stands.revision) {
      before.stands = stands;
      return;
    }
    // A hold does not go back: for one that does, another is taken first.
    const goesOn = before !== undefined && stands.revision > before.stands.revision;
    const hold = goesOn ? before.hold : this.#log.hold(position(1));
    if (!goesOn) before?.hold.release();
    const kept: Kept = { stands, hold, at: null };
    this.#kept.set(stands.name, kept);
    this.#run(leading, () => this.#find(leading, kept));
  }

  async #find(leading: Leading, kept: Kept): Promise<void> {
    const search = { log: this.#log, replica: this.#replica, signal: leading.signal };
    for (;;) {
      try {
        const at = await positionBefore(search, kept.stands.revision + 1);
        if (this.#kept.get(kept.stands.name) !== kept) return;
        kept.at = at;
        kept.hold.move(nextPosition(at));
        return;
      } catch (error) {
        if (!isPassing(error)) throw error;
        await pause(leading.ports.timers, pauseMs, [leading.signal]);
      }
    }
  }

  #look(leading: Leading): void {
    const { time } = this.#replica;
    const nowMs = time === null ? 0 : hybridWall(time);
    for (const { stands } of this.#kept.values()) {
      const isBehind = (this.recordsKept(stands.name) ?? 0) > stands.recordsMax;
      if (isBehind || nowMs >= stands.untilMs) this.#run(leading, () => this.#lose(leading, stands));
    }
    const isDone = this.#kept.size === 0;
    this.#timer = isDone ? null : leading.ports.timers.after(lookMs, () => this.#look(leading));
  }

  /** Unless it was moved meanwhile. What is refused now is tried again when it is looked at next. */
  async #lose(leading: Leading, { name, revision, movedMs }: LogHold): Promise<void> {
    await leading.transact(null, (tx) => {
      const stands = logHolds({ system: (system) => tx.system(system, 'local') }).find((one) => one.name === name);
      if (stands?.revision === revision && stands.movedMs === movedMs) releaseLog(tx, name);
    });
  }

  /** What does not pass ends the epoch, unless that is over: then it is of no account. */
  #run(leading: Leading, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (this.#leading === null || leading.signal.aborted || isPassing(error)) return;
        leading.fail(asError(error));
      })
      .finally(() => void this.#underWay.delete(running));
    this.#underWay.add(running);
  }
}

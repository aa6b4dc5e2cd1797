/**
 * Fires what is due, while this node leads: one such object an epoch. It keeps the timers that come next in memory and
 * finds the others in the state when it gets there; it waits for the next one by the env's timers, and judges by
 * partition time. What it does is a transaction each, so it may stop at any moment and its successor goes on.
 */
import { hybridWall } from '../../clock/timestamp.ts';
import type { Timer } from '../../env/timers.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import type { WaitEntry } from '../../observe/waits.ts';
import type { EpochService, EpochServiceMaker, Leading, TransactOutcome } from '../transaction.ts';
import { failTimer, fireTimer, type Failed, type Fired, type TimerHandler, type TimerPolicy } from './timer-fire.ts';
import { nearTimerOf, timerSystem, timerTopic, type NearTimer, type TimerNote } from './timer-state.ts';
import { TimerWindow } from './timer-window.ts';

export type { TimerHandler };

export interface TimerSettings extends TimerPolicy {
  /** So many of the next timers are in memory at most. Default 4,000. */
  readonly nearCountMax: number;
  /** So many transactions of timers are under way at a time. Default 256. */
  readonly inFlightMax: number;
}

const timerDefaults: TimerSettings = Object.freeze({
  attemptsMax: 10,
  backoffMs: 1_000,
  backoffMsMax: 300_000,
  missedAfterMs: 60_000,
  nearCountMax: 4_000,
  inFlightMax: 256,
});

/** What becomes of timers, for whoever counts and logs; called after it is durable. It must not throw. */
export interface TimerObserver {
  /** By how much, in partition time. A histogram's `record` fits. */
  readonly onFired?: ((timer: TimerEvent, lateMs: number) => void) | undefined;
  /** A time of a repeating timer that was missed, and is not run, as its policy says. */
  readonly onSkipped?: ((timer: TimerEvent, lateMs: number) => void) | undefined;
  /** Its handler threw; `isDead`: it is not tried again. */
  readonly onFailed?: ((timer: TimerEvent, error: unknown, isDead: boolean) => void) | undefined;
}

export type TimerEvent = NearTimer;

export interface TimerServiceOptions {
  /** By kind. A timer of another kind waits, and is looked at again now and then: the next version may know it. */
  readonly handlers: Readonly<Record<string, TimerHandler>>;
  readonly settings?: Partial<TimerSettings> | undefined;
  readonly observer?: TimerObserver | undefined;
}

/** For `openPartition`'s `services`. @throws LockstepError `misuse` for settings that are none. */
export function timerService(options: TimerServiceOptions): EpochServiceMaker {
  const given = Object.entries(options.settings ?? {}).filter(([, value]) => value !== undefined);
  for (const [name, value] of given)
    if (!(name in timerDefaults) || !Number.isFinite(value) || value < (name === 'nearCountMax' ? 2 : 1))
      throw new LockstepError('misuse', 'this is no setting of timers', { values: { [name]: value } });
  const settings: TimerSettings = { ...timerDefaults, ...Object.fromEntries(given) };
  return () => new TimerEpoch(options.handlers, settings, options.observer ?? {});
}

/** Somebody may set the clock: no sleep is longer than this. */
const sleepMsMax = 1_000;
/** Before what was refused is tried again. */
const refusedPauseMs = 100;
/** Before a timer whose kind nobody knows is looked at again. */
const unknownPauseMs = 5_000;
/** So many are read from the state at a time: a millisecond or so, where thousands would make what is due wait. */
const loadCount = 128;

/** How often it looks at what comes after those in memory. */
const lookEveryMs = 100;

type Ending = 'done' | 'again' | 'later' | 'over';

class TimerEpoch implements EpochService {
  readonly #handlers: ReadonlyMap<string, TimerHandler>;
  readonly #settings: TimerSettings;
  readonly #observer: TimerObserver;
  readonly #window: TimerWindow;
  /** By `textOf`: the state may still show them. */
  readonly #inFlight = new Map<string, NearTimer>();
  /** They come back into the window. */
  readonly #pausing = new Set<Timer>();
  #leading: Leading | null = null;
  #wakeup: { readonly timer: Timer; readonly dueMs: number } | null = null;
  #wait: WaitEntry | null = null;
  #lookedMs = -Infinity;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(handlers: Readonly<Record<string, TimerHandler>>, settings: TimerSettings, observer: TimerObserver) {
    this.#handlers = new Map(Object.entries(handlers));
    this.#settings = settings;
    this.#observer = observer;
    this.#window = new TimerWindow(settings.nearCountMax);
  }

  start(leading: Leading): void {
    this.#leading = leading;
    leading.onNote(timerTopic, (note) => this.#onNote(note as TimerNote));
    this.#later(0);
  }

  async stop(): Promise<void> {
    this.#leading = null;
    this.#wakeup?.timer.cancel();
    for (const timer of this.#pausing) timer.cancel();
    this.#wait?.leave();
    if (this.#inFlight.size === 0) return;
    this.#idle = Promise.withResolvers();
    await this.#idle.promise;
  }

  #onNote({ kind, timer }: TimerNote): void {
    if (this.#leading === null) return;
    if (kind === 'gone') return this.#window.remove(timer);
    this.#window.add(timer);
    if (this.#window.first === timer) this.#sleep();
  }

  /** Begins all that is due and has room, then sleeps until the next. */
  #run(): void {
    for (;;) {
      const leading = this.#leading;
      if (leading === null || this.#inFlight.size >= this.#settings.inFlightMax) return;
      const first = this.#window.first ?? this.#loaded(leading);
      if (first === null) return this.#tell();
      if (first.dueMs > this.#nowMs(leading)) return this.#sleep();
      this.#window.shift();
      this.#begin(leading, first);
    }
  }

  /**
   * The next ones from the state; null when there are none, or those that are there are under way. A few at a time, as
   * those that are due meanwhile wait for it; of one millisecond all, so that the window ends between two.
   */
  #loaded(leading: Leading): NearTimer | null {
    const { endMs } = this.#window;
    if (endMs === Infinity) return null;
    const countMax = Math.max(2, Math.floor(this.#settings.nearCountMax / 2));
    const from = endMs === -Infinity ? undefined : ['due', endMs];
    const found: NearTimer[] = [];
    let nextMs = Infinity;
    for (const [key] of leading.reader.system(timerSystem, null).range({ prefix: ['due'], from })) {
      const timer = nearTimerOf(key);
      const isEnough = found.length >= Math.min(loadCount, countMax) && timer.dueMs !== found.at(-1)?.dueMs;
      if (isEnough || found.length >= countMax) {
        nextMs = timer.dueMs;
        break;
      }
      if (!this.#inFlight.has(textOf(timer))) found.push(timer);
    }
    this.#window.extend(found, nextMs);
    return this.#window.first;
  }

  /**
   * When the first of those is due that are in the state alone. The tree puts its newest keys in order when somebody asks
   * for neighbours: so it does that now, for a few, and not for hundreds of thousands when they are due.
   */
  #lookAhead(): void {
    const [leading, { endMs }] = [this.#leading, this.#window];
    if (leading === null || endMs === -Infinity || endMs === Infinity) return;
    const nowMs = this.#nowMs(leading);
    if (nowMs - this.#lookedMs < lookEveryMs && nowMs >= this.#lookedMs) return;
    this.#lookedMs = nowMs;
    const first = { prefix: ['due'], from: ['due', endMs], limit: 1 };
    let nextMs = Infinity;
    for (const [key] of leading.reader.system(timerSystem, null).range(first)) nextMs = nearTimerOf(key).dueMs;
    this.#window.extend([], nextMs);
  }

  #begin(leading: Leading, timer: NearTimer): void {
    const text = textOf(timer);
    // Its handler has set it for the same time again.
    if (this.#inFlight.has(text)) return this.#pause(timer, refusedPauseMs);
    this.#inFlight.set(text, timer);
    const ended = (ending: Ending): void => {
      this.#inFlight.delete(text);
      if (this.#leading === null) {
        if (this.#inFlight.size === 0) this.#idle?.resolve();
        return;
      }
      if (ending === 'again') this.#pause(timer, refusedPauseMs);
      if (ending === 'later') this.#pause(timer, unknownPauseMs);
      this.#run();
    };
    // Nothing else comes out of it: what a handler throws is dealt with there, and anything unknown is tried again.
    this.#fire(leading, timer).then(ended, (error: unknown) => {
      ended(isLockstepError(error, 'stopped') ? 'over' : 'again');
    });
  }

  async #fire(leading: Leading, timer: NearTimer): Promise<Ending> {
    const handler = this.#handlers.get(timer.kind);
    if (handler === undefined) return 'later';
    let thrown: { readonly error: unknown } | null = null;
    const guarded: TimerHandler = (tx, fired) => {
      try {
        handler(tx, fired);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
    let outcome: TransactOutcome<Fired>;
    try {
      outcome = await leading.transact(timer.place, (tx) => fireTimer(tx, timer, guarded, this.#settings));
    } catch (error) {
      if (thrown === null) throw error;
      return this.#failed(leading, timer, error);
    }
    if (outcome.kind === 'refused' && outcome.reason === 'too-large')
      return this.#failed(leading, timer, new Error('its transaction is larger than the log takes'));
    if (outcome.kind !== 'committed') return endingOf(outcome);
    const { value } = outcome;
    if (value.kind === 'early') return 'again';
    if (value.kind === 'fired') this.#observer.onFired?.(timer, value.lateMs);
    if (value.kind === 'skipped') this.#observer.onSkipped?.(timer, value.lateMs);
    return 'done';
  }

  /** If this does not happen either, the timer is as it was. */
  async #failed(leading: Leading, timer: NearTimer, error: unknown): Promise<Ending> {
    const text = String(error instanceof Error ? error.message : error)
      .slice(0, 1_000)
      .toWellFormed();
    const fail = (): Promise<TransactOutcome<Failed>> =>
      leading.transact(timer.place, (tx) => failTimer(tx, timer, text, this.#settings));
    const outcome = await fail();
    if (outcome.kind !== 'committed') return endingOf(outcome);
    if (outcome.value.kind !== 'gone') this.#observer.onFailed?.(timer, error, outcome.value.kind === 'died');
    return 'done';
  }

  #pause(timer: NearTimer, ms: number): void {
    const pausing = this.#leading?.ports.timers.after(ms, () => {
      this.#pausing.delete(pausing as Timer);
      this.#window.addAgain(timer);
      this.#run();
    });
    if (pausing !== undefined) this.#pausing.add(pausing);
  }

  #sleep(): void {
    const { first } = this.#window;
    const leading = this.#leading;
    if (first === null || leading === null) return;
    this.#tell();
    if (this.#wakeup !== null && this.#wakeup.dueMs <= first.dueMs) return;
    const nowMs = this.#nowMs(leading);
    const pauseMsMax = this.#window.endMs === Infinity ? sleepMsMax : lookEveryMs;
    this.#later(Math.min(Math.max(0, first.dueMs - nowMs), pauseMsMax), first.dueMs);
  }

  #later(ms: number, dueMs = -Infinity): void {
    this.#wakeup?.timer.cancel();
    const timer = this.#leading?.ports.timers.after(ms, () => {
      this.#wakeup = null;
      this.#lookAhead();
      this.#run();
    });
    this.#wakeup = timer === undefined ? null : { timer, dueMs };
  }

  /** A clock that shows what cannot be is as early as can be. */
  #nowMs(leading: Leading): number {
    try {
      return hybridWall(leading.now());
    } catch (error) {
      if (isLockstepError(error, 'unavailable')) return -Infinity;
      throw error;
    }
  }

  /** `explain` names the next one: the others are in the state, in their order. */
  #tell(): void {
    const { first } = this.#window;
    if (first === null) {
      this.#wait?.leave();
      this.#wait = null;
      return;
    }
    const waits = this.#leading?.waits;
    const more = this.#window.endMs === Infinity ? '' : ', and more that are further away';
    const waitsFor = `${first.kind} '${first.name.slice(0, 64)}', due ${new Date(first.dueMs).toISOString()}, the first of ${this.#window.count}${more}`;
    if (this.#wait !== null) this.#wait.waitsFor = waitsFor;
    else this.#wait = waits?.enterIfRoom({ what: 'timer', key: 'timers', waitsFor, withinMs: null }) ?? null;
  }
}

const textOf = ({ dueMs, kind, place, name }: NearTimer): string => JSON.stringify([dueMs, kind, place, name]);

function endingOf(outcome: TransactOutcome<unknown>): Ending {
  return outcome.kind === 'refused' && outcome.reason !== 'stopping' ? 'again' : 'over';
}

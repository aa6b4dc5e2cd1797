/**
 * Who waits for a log to grow, and what wakes them: an append of this process at once, a notification of another, or a
 * poll, which is only "look again". Notifications are a hint and never the truth. They are sent after the commit, in
 * statements of their own, many appends in one: NOTIFY takes a lock of the whole server while it commits.
 *
 * Listening is trusted once it has heard its own probe, as a pooler in transaction mode takes a LISTEN and forgets it.
 * While it is not trusted, polls are frequent.
 */
import { isLockstepError } from '../../kernel/errors.ts';
import type { LogId } from '../port.ts';
import { atMost, pause, within, type LogPorts } from '../within.ts';
import { repeated } from './repeated.ts';
import type { SqlClient } from './sql-client.ts';

export interface GrowthOptions {
  readonly channel: string;
  /** Where to listen; null: not at all. */
  readonly ears: SqlClient | null;
  /** Between two looks of a waiter while notifications cannot be relied on, at first; up to so many times as long while nothing comes. */
  readonly pollMs: number;
}

const pollFactorMax = 16;
/** Between two looks while they can. */
const heardPollMs = 1_000;
/** But after news of another's append, so soon, four times as long after each look in vain, and no more than so often. */
const soonMs = 2;
const soonLooksMax = 3;
/** Between two notifications, so that a writer under load sends about a hundred a second and no more. */
const tellPauseMs = 8;
const logsPerTelling = 100;
const notifyStatement = repeated("select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)::text");
const probeMs = 10_000;
const probeHeardMsMax = 2_000;
const againMsMin = 1_000;
const againMsMax = 60_000;

interface Waiter {
  readonly after: number;
  readonly wake: () => void;
}

/** One log that is open here. */
interface Watched {
  handles: number;
  /** The last position that this process knows of. */
  seen: number;
  /** How often it was looked at in vain since it last grew. */
  vain: number;
  /** Whether it grew last by somebody else's append, who may be at work: notifications are fewer than appends. */
  follows: boolean;
  readonly waiters: Set<Waiter>;
}

const newWatched = (): Watched => ({ handles: 0, seen: 0, vain: 0, follows: false, waiters: new Set() });

/** What a removed log's last position is told as: everybody looks. */
export const removedAt: number = Number.MAX_SAFE_INTEGER;

export class Growth {
  readonly #ports: LogPorts;
  readonly #client: SqlClient;
  readonly #options: GrowthOptions;
  readonly #watched = new Map<LogId, Watched>();
  readonly #toTell = new Map<LogId, number>();
  readonly #closing = new AbortController();
  #telling = false;
  #listening = false;
  #hears = false;
  /** Wakes who waits for this probe. */
  #probe: { readonly payload: string; readonly heard: () => void } | null = null;

  constructor(ports: LogPorts, client: SqlClient, options: GrowthOptions) {
    this.#ports = ports;
    this.#client = client;
    this.#options = options;
  }

  /** Whether notifications arrive. */
  get hears(): boolean {
    return this.#hears;
  }

  enter(id: LogId): void {
    const watched = this.#watched.get(id) ?? newWatched();
    watched.handles++;
    this.#watched.set(id, watched);
  }

  leave(id: LogId): void {
    const watched = this.#watched.get(id);
    if (watched === undefined || --watched.handles > 0) return;
    this.#watched.delete(id);
    this.#wake(watched, removedAt);
  }

  /** This process has appended. Tells the others. */
  tell(id: LogId, position: number): void {
    this.#heard(id, position, false);
    this.#toTell.set(id, Math.max(position, this.#toTell.get(id) ?? 0));
    if (!this.#telling) void this.#tellAll();
  }

  /** The last position that this process knows of. */
  seen(id: LogId): number {
    return this.#watched.get(id)?.seen ?? 0;
  }

  /** A read begins; the function that it gives takes what the read showed, which is the truth unless news came meanwhile. */
  looking(id: LogId): (last: number) => void {
    const before = this.#watched.get(id)?.seen;
    return (last) => {
      const watched = this.#watched.get(id);
      if (watched === undefined) return;
      if (last > watched.seen) [watched.vain, watched.follows] = [0, true];
      if (last > watched.seen || watched.seen === before) watched.seen = last;
    };
  }

  /** Resolves when it may have grown past this position. Rejects with the signal's reason. */
  async grown(id: LogId, after: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const watched = this.#watched.get(id);
    if (watched === undefined || watched.seen > after) return;
    if (!this.#listening && this.#options.ears !== null) void this.#listen(this.#options.ears);
    const pollMs = this.#pollMs(watched);
    const woken = Promise.withResolvers<void>();
    const waiter = { after, wake: woken.resolve };
    watched.waiters.add(waiter);
    try {
      const ended = await atMost(this.#ports.timers, pollMs, [signal], () => woken.promise);
      if (ended.kind === 'late') watched.vain = Math.min(watched.vain + 1, pollFactorMax);
    } finally {
      watched.waiters.delete(waiter);
    }
  }

  close(): void {
    this.#ports.timers.after(0, () => this.#closing.abort(new Error('the engine is closed')));
    for (const watched of this.#watched.values()) this.#wake(watched, removedAt);
  }

  #pollMs({ vain, follows }: Watched): number {
    if (!this.#hears) return this.#options.pollMs * Math.min(2 ** vain, pollFactorMax);
    return follows && vain < soonLooksMax ? soonMs * 4 ** vain : heardPollMs;
  }

  #heard(id: LogId, position: number, follows: boolean): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    if (position > watched.seen) [watched.vain, watched.follows] = [0, follows];
    watched.seen = Math.max(watched.seen, position);
    this.#wake(watched, position);
  }

  #wake(watched: Watched, position: number): void {
    for (const { after, wake } of watched.waiters) if (after < position) wake();
  }

  async #tellAll(): Promise<void> {
    this.#telling = true;
    const { timers } = this.#ports;
    try {
      while (this.#toTell.size > 0 && !this.#closing.signal.aborted) {
        const some = [...this.#toTell].slice(0, logsPerTelling);
        for (const [id] of some) this.#toTell.delete(id);
        await this.#notify(some.map(([id, position]) => `${id}:${position}`).join(' '));
        await pause(timers, tellPauseMs, [this.#closing.signal]);
      }
    } catch (error) {
      // A hint that could not be given: whoever waits polls. Engine closed: nobody waits.
      if (!isLockstepError(error) && error !== this.#closing.signal.reason) throw error;
    } finally {
      this.#telling = false;
    }
  }

  async #notify(payload: string): Promise<void> {
    await this.#client.query(notifyStatement, [this.#options.channel, payload]);
  }

  /** Listens, probes, and begins anew when the ears have gone. */
  async #listen(ears: SqlClient): Promise<void> {
    this.#listening = true;
    const { timers, randomness } = this.#ports;
    const end = this.#closing.signal;
    for (let againMs = againMsMin; !end.aborted; againMs = Math.min(againMs * 2, againMsMax)) {
      try {
        if (await this.#hearUntilDeaf(ears)) againMs = againMsMin;
        await pause(timers, againMs * (0.5 + randomness.float()), [end]);
      } catch (error) {
        if (end.aborted) return;
        if (!isLockstepError(error)) throw error;
        await pause(timers, againMs, [end]).catch(() => {}); // closed meanwhile: the loop ends
      }
    }
  }

  /** Whether it ever heard. */
  async #hearUntilDeaf(ears: SqlClient): Promise<boolean> {
    const { timers, randomness } = this.#ports;
    const ended = Promise.withResolvers<void>();
    const stop = await ears.listen(this.#options.channel, (payload) => this.#onMessage(payload), ended.resolve);
    let everHeard = false;
    try {
      for (;;) {
        const payload = `probe:${randomness.uint32()}:${randomness.uint32()}`;
        const heard = Promise.withResolvers<void>();
        this.#probe = { payload, heard: heard.resolve };
        await this.#notify(payload);
        const probed = await within(timers, probeHeardMsMax, [this.#closing.signal], () => heard.promise);
        if (probed.kind === 'late') return everHeard;
        everHeard = true;
        this.#setHears(true);
        const rest = await within(timers, probeMs, [this.#closing.signal], () => ended.promise);
        if (rest.kind === 'done') return everHeard;
      }
    } finally {
      this.#setHears(false);
      this.#probe = null;
      await stop();
    }
  }

  /** What came while nobody heard is looked for once. */
  #setHears(hears: boolean): void {
    if (this.#hears === hears) return;
    this.#hears = hears;
    for (const watched of this.#watched.values()) this.#wake(watched, removedAt);
  }

  #onMessage(payload: string): void {
    if (payload === this.#probe?.payload) this.#probe.heard();
    if (payload.startsWith('probe:')) return;
    for (const one of payload.split(' ')) {
      const colon = one.indexOf(':');
      const position = Number(one.slice(colon + 1));
      if (colon > 0 && Number.isSafeInteger(position)) this.#heard(one.slice(0, colon) as LogId, position, true);
    }
  }
}

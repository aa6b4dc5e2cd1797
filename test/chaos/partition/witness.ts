/**
 * What clients of a chaos of partitions were told. All of them are in one process, so that one clock and one recorder see
 * the true order of everything; the nodes are others, and are killed.
 */
import {
  recorder,
  type KeyValueCall,
  type Recorder,
  type TransactionStep,
  type TransactionStepDone,
  type Value,
} from 'lockstep/check';
import type { LeaseHolder } from 'lockstep/partition';

/** `denied`: by everybody who was asked, so it certainly did not happen. */
export type Fate = 'acknowledged' | 'denied' | 'unknown';

export interface ToldTimer {
  readonly set: Fate;
  /** What a cancellation was told, if there was one. */
  readonly cancelled: 'cancelled' | 'absent' | 'unknown' | null;
}

export class Witness {
  readonly keys: Recorder<KeyValueCall, Value> = recorder();
  readonly lists: Recorder<readonly TransactionStep[], readonly TransactionStepDone[]> = recorder();
  /** By id. */
  readonly commands: Map<string, Fate> = new Map();
  readonly timers: Map<string, ToldTimer> = new Map();
  /** By name. */
  readonly sends: Map<string, Fate> = new Map();
  /** Whoever believes to hold a lease, by its name. */
  readonly holders: Map<string, LeaseHolder> = new Map();
  readonly counts: Map<string, number> = new Map();
  /** What cannot be, as clients saw it. */
  readonly problems: string[] = [];
  /** By partition, of the newest write that was told of. */
  readonly tokens: Map<number, string> = new Map();
  readonly #told = new Map<string, { readonly version: number; readonly ms: number }[]>();
  readonly #store = new Map<string, { readonly token: number; readonly by: string }>();
  #values = 0;
  #lastMs = performance.now();
  #silenceMs = 0;

  newValue(): number {
    return ++this.#values;
  }

  count(what: string): void {
    this.counts.set(what, this.countOf(what) + 1);
  }

  countOf(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  fate(id: string, fate: Fate): void {
    this.commands.set(id, fate);
    this.count(fate);
    if (fate !== 'acknowledged') return;
    const nowMs = performance.now();
    this.#silenceMs = Math.max(this.#silenceMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  /** The longest time in which nobody was acknowledged anything. */
  get silenceMs(): number {
    return this.#silenceMs;
  }

  written(place: string, version: number): void {
    const told = this.#told.get(place) ?? [];
    this.#told.set(place, told);
    told.push({ version, ms: performance.now() });
  }

  /** The newest version of a place that anybody was told of before that moment. */
  versionBefore(place: string, ms: number): number {
    const told = (this.#told.get(place) ?? []).filter((one) => one.ms <= ms);
    return told.reduce((most, { version }) => Math.max(most, version), 0);
  }

  /** Nobody else may believe that it holds it: whoever lost it stopped before. */
  holds(holder: LeaseHolder): void {
    const other = this.holders.get(holder.name);
    if (other !== undefined && other.isHeld && holder.isHeld && other !== holder)
      this.problems.push(`two hold ${holder.name}, with tokens ${other.token} and ${holder.token}`);
    if (other === undefined || other.token < holder.token) this.holders.set(holder.name, holder);
  }

  /** A store outside that demands tokens, as any thing that a lease protects: it refuses one older than one it saw. */
  store(name: string, token: number, by: string): boolean {
    const last = this.#store.get(name) ?? { token: 0, by: '' };
    if (token === last.token && by !== last.by)
      this.problems.push(`${by} and ${last.by} hold ${name} with one token, ${token}`);
    if (token < last.token) {
      this.count('refused by the store');
      return false;
    }
    this.#store.set(name, { token, by });
    this.count('taken by the store');
    return true;
  }
}

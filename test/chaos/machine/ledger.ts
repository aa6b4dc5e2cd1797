/** What callers of a chaos of machines were told, by the id of the command, and what a reader that goes on by token saw. */
import type { BankEvent } from './bank.ts';

/** `denied`: it certainly did not happen. */
export type Told =
  | { readonly kind: 'acknowledged'; readonly key: string; readonly version: number }
  | { readonly kind: 'rejected' | 'denied' | 'unknown' };

export type Counted = Told['kind'] | 'repeated' | 'row read';

export class Ledger {
  readonly commands: Map<string, Told> = new Map();
  readonly seen: BankEvent[] = [];
  /** What cannot be, as callers saw it. */
  readonly problems: string[] = [];
  readonly #counts = new Map<Counted, number>();
  #lastMs = performance.now();
  #silenceMs = 0;

  told(id: string, told: Told): void {
    this.commands.set(id, told);
    this.count(told.kind);
    if (told.kind !== 'acknowledged') return;
    const nowMs = performance.now();
    this.#silenceMs = Math.max(this.#silenceMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  count(what: Counted): void {
    this.#counts.set(what, this.countOf(what) + 1);
  }

  countOf(what: Counted): number {
    return this.#counts.get(what) ?? 0;
  }

  /** The longest time in which nobody was acknowledged anything. */
  get silenceMs(): number {
    return this.#silenceMs;
  }
}

/**
 * From a violation to the few operations that make it one. Every step keeps an implication: if the smaller history has
 * no order, neither has the whole one. So a write is never just left out (its readers would then look guilty); it is
 * weakened to an unknown outcome, which allows all that it allowed before and more. Steps that are allowed: to end
 * the history earlier, to leave out an operation that had no effect, and to weaken.
 */
import type { History, Operation } from './history.ts';
import type { Model } from './model.ts';
import { Problem } from './problem.ts';
import { type Furthest, Search, type SearchLimits } from './search.ts';

/** An operation, and its index in the whole history. */
export interface Cited {
  readonly index: number;
  readonly operation: Operation;
}

/** Why a history is not linearizable. All of it is about one key. */
export interface Counterexample {
  readonly key: string;
  /** No order of these fits, whatever the `free` ones did; in the order of their invocations. */
  readonly operations: readonly Cited[];
  /**
   * Operations that may have taken effect at any time after their invocation or never, and still no order fits: what
   * was unknown, and what need not be known.
   */
  readonly free: readonly Cited[];
  /** Whether taking away any one more fact leaves a history that fits. False where the budget ended before that. */
  readonly isMinimal: boolean;
  /** An order of as many as fit, up to the completion that no order reaches; index in the whole history. */
  readonly prefix: readonly { readonly index: number; readonly state: unknown }[];
  /** The state after the prefix. */
  readonly state: unknown;
  /** The operation whose completion no order reaches. */
  readonly stuck: number;
  /** Others that had to wait behind it, or fit as little. */
  readonly blocked: readonly number[];
}

/** The operations of one key, with their places in the whole history. */
export interface KeyHistory {
  readonly key: string;
  readonly history: History;
  readonly indexes: readonly number[];
}

/** `furthest`: of the search that found the violation. Shrinking may use as much as the search of all keys. */
export function counterexampleOf(
  part: KeyHistory,
  furthest: Furthest,
  model: Model<unknown, unknown, unknown>,
  limits: SearchLimits,
): Counterexample {
  const shrinker = new Shrinker(part, furthest, model, limits);
  shrinker.cutEnd();
  shrinker.dropEffectless();
  shrinker.weaken();
  return shrinker.result();
}

class Shrinker {
  readonly #key: string;
  readonly #model: Model<unknown, unknown, unknown>;
  readonly #limits: SearchLimits;
  #kept: readonly Cited[];
  /** In indexes of the whole history, like all that is given out. */
  #furthest: Furthest;
  #stepsLeft: number;
  #isMinimal = true;

  constructor(part: KeyHistory, furthest: Furthest, model: Model<unknown, unknown, unknown>, limits: SearchLimits) {
    this.#key = part.key;
    this.#model = model;
    this.#limits = limits;
    this.#kept = part.history.map((operation, at) => ({ operation, index: part.indexes[at] as number }));
    this.#stepsLeft = limits.stepCountMax;
    this.#furthest = this.#inWhole(this.#kept, furthest);
  }

  /**
   * Ends the history at the first completion that makes it a violation. Not always the one at which the search was
   * stuck: that may have failed because of an answer that came later. Prefixes of what fits fit, so the place is found
   * by halving, from the search's on.
   */
  cutEnd(): void {
    const ends = this.#kept.flatMap(({ operation: { outcome } }) => (outcome.kind === 'ok' ? outcome.at : []));
    ends.sort((left, right) => left - right);
    const stuck = this.#kept.find(({ index }) => index === this.#furthest.stuck)?.operation.outcome.at ?? 0;
    const whole = this.#kept;
    let low = Math.max(0, ends.indexOf(stuck));
    let high = ends.length - 1;
    let probe = low;
    while (low < high) {
      const cut = prefixOf(whole, ends[probe] as number);
      if (this.#isViolation(cut)) {
        this.#kept = cut;
        high = probe;
      } else {
        low = probe + 1;
      }
      probe = (low + high) >> 1;
    }
  }

  /** Failures, reads of unknown outcome, then as many reads as can go. */
  dropEffectless(): void {
    const isRead = ({ operation }: Cited): boolean => this.#model.isRead(operation.call);
    this.#kept = this.#kept.filter(
      (cited) => cited.operation.outcome.kind === 'ok' || (cited.operation.outcome.kind === 'info' && !isRead(cited)),
    );
    this.#reduce(isRead, (cited) => (isRead(cited) ? null : cited));
  }

  weaken(): void {
    this.#reduce(({ operation }) => operation.outcome.kind === 'ok', weakened);
  }

  /** Changes as many of the chosen as can be while it stays a violation: in halves, quarters, … and one by one. */
  #reduce(isChosen: (cited: Cited) => boolean, change: (cited: Cited) => Cited | null): void {
    let size = this.#kept.filter(isChosen).length;
    while (size >= 1) {
      let from = 0;
      let changed = false;
      for (;;) {
        const chosen = this.#kept.filter(isChosen);
        const some = new Set(chosen.slice(from, from + size));
        if (some.size === 0) break;
        const smaller = this.#kept.flatMap((cited) => (some.has(cited) ? (change(cited) ?? []) : cited));
        if (this.#isViolation(smaller)) {
          this.#kept = smaller;
          changed = true;
        } else {
          from += some.size;
        }
      }
      if (size === 1 && !changed) return;
      size = size === 1 ? 1 : Math.ceil(size / 2);
    }
  }

  #isViolation(kept: readonly Cited[]): boolean {
    const history = kept.map(({ operation }) => operation);
    const search = new Search(new Problem(history, this.#model), { ...this.#limits, stepCountMax: this.#stepsLeft });
    const end = search.run();
    this.#stepsLeft = Math.max(0, this.#stepsLeft - search.stepCount);
    if (end.kind === 'unknown') this.#isMinimal = false;
    if (end.kind !== 'violation') return false;
    this.#furthest = this.#inWhole(kept, end.furthest);
    return true;
  }

  #inWhole(kept: readonly Cited[], { placed, stuck, blocked }: Furthest): Furthest {
    const indexOf = (at: number): number => (kept[at] as Cited).index;
    return {
      placed: placed.map(({ operation, state }) => ({ operation: indexOf(operation), state })),
      stuck: indexOf(stuck),
      blocked: blocked.map(indexOf),
    };
  }

  result(): Counterexample {
    const { placed, stuck, blocked } = this.#furthest;
    return {
      key: this.#key,
      operations: this.#kept.filter(({ operation }) => operation.outcome.kind === 'ok'),
      free: this.#kept.filter(({ operation }) => operation.outcome.kind !== 'ok'),
      isMinimal: this.#isMinimal,
      prefix: placed.map(({ operation, state }) => ({ index: operation, state })),
      state: placed.at(-1)?.state ?? this.#model.initial,
      stuck,
      blocked,
    };
  }
}

/** What was known at this time: operations that were under way are unknown. */
function prefixOf(cited: readonly Cited[], until: number): readonly Cited[] {
  return cited
    .filter(({ operation }) => operation.invokedAt <= until)
    .map((one) => {
      const { outcome } = one.operation;
      return outcome.kind === 'ok' && outcome.at > until ? weakened(one) : one;
    });
}

const weakened = ({ index, operation }: Cited): Cited => ({
  index,
  operation: { ...operation, outcome: { kind: 'info', at: null } },
});

/**
 * Linearizability (M. Herlihy and J. Wing, 1990): every operation seems to take effect at one moment between its
 * invocation and its completion. Each key is judged by itself, which is allowed because linearizability is local
 * (A. Horn and D. Kroening, "Faster linearizability checking via P-compositionality", 2015, go further in this).
 */
import { LockstepError } from '../kernel/errors.ts';
import { type History, validateHistory } from './history.ts';
import type { Model } from './model.ts';
import { Problem } from './problem.ts';
import { type Furthest, type LimitReached, Search, type SearchEnd, type SearchLimits } from './search.ts';
import { type Counterexample, counterexampleOf, type KeyHistory } from './shrink.ts';

/** What judging may use. Verdicts depend on the history, the model and these numbers alone, unless `isOver` has a clock. */
export interface CheckBudget {
  /** How many times an operation is tried in a place, over all keys; default 20,000,000. A million take about a second. */
  readonly stepCountMax?: number;
  /** What one key's search may hold; default 512 MiB. */
  readonly bytesMax?: number;
  /** For a limit in time, or an abort: asked every few thousand steps. Default: never. */
  readonly isOver?: () => boolean;
}

export interface CheckOptions {
  readonly budget?: CheckBudget;
}

export interface CheckWork {
  readonly operationCount: number;
  readonly keyCount: number;
  readonly stepCount: number;
  /** Different configurations remembered, and the most bytes that one key's search held. */
  readonly configurationCount: number;
  readonly bytesMax: number;
}

/** Where an order is known, the moments at which operations may have taken effect: their indexes, in that order. */
export type Linearization = ReadonlyMap<string, readonly number[]>;

export type LinearizabilityVerdict =
  /** Each key has an order that fits; `order` has one for each. */
  | { readonly kind: 'ok'; readonly order: Linearization; readonly work: CheckWork }
  /** No order fits, for at least these keys. The counterexample is of the smallest of them. */
  | {
      readonly kind: 'violation';
      readonly keys: readonly string[];
      readonly counterexample: Counterexample;
      readonly work: CheckWork;
    }
  /** The budget ended before these keys were judged; no key that was judged is a violation. */
  | {
      readonly kind: 'unknown';
      readonly keys: readonly string[];
      readonly limit: LimitReached;
      readonly work: CheckWork;
    };

export const stepCountDefault: number = 20_000_000;
export const bytesDefault: number = 512 * 2 ** 20;

/**
 * Whether an object that does what the model says, one operation at a time, could have answered so. Exponential in
 * how many operations overlap, in the worst case; the budget ends that as `unknown`, never as a guess. Small keys are
 * judged first, and each may use an even share of the steps that are left.
 * @throws LockstepError `invalid` for a history that is none (`validateHistory`), `misuse` for a budget that is none;
 * whatever the model throws.
 */
export function checkLinearizable<State, Call, Result>(
  history: History<Call, Result>,
  model: Model<State, Call, Result>,
  options: CheckOptions = {},
): LinearizabilityVerdict {
  validateHistory(history);
  const limits = limitsOf(options.budget ?? {});
  const judged: Model<unknown, unknown, unknown> = model;
  const keys = partition(history, judged);
  const tally = new Tally(history.length, keys.length);
  const order = new Map<string, readonly number[]>();
  const violated: { readonly part: KeyHistory; readonly furthest: Furthest }[] = [];
  const undecided: string[] = [];
  let limit: LimitReached = 'steps';
  for (const [at, one] of keys.entries()) {
    const share = Math.floor((limits.stepCountMax - tally.stepCount) / (keys.length - at));
    const end = searchOnce(one.history, judged, { ...limits, stepCountMax: share }, tally);
    if (end.kind === 'ok')
      order.set(
        one.key,
        end.placed.map(({ operation }) => one.indexes[operation] as number),
      );
    else if (end.kind === 'violation') violated.push({ part: one, furthest: end.furthest });
    else {
      undecided.push(one.key);
      limit = end.limit;
    }
  }
  const work = tally.work();
  const [smallest] = violated;
  if (smallest !== undefined) {
    const counterexample = counterexampleOf(smallest.part, smallest.furthest, judged, limits);
    return { kind: 'violation', keys: violated.map(({ part }) => part.key), counterexample, work };
  }
  return undecided.length > 0 ? { kind: 'unknown', keys: undecided, limit, work } : { kind: 'ok', order, work };
}

function partition(history: History, model: Model<unknown, unknown, unknown>): readonly KeyHistory[] {
  const keys = new Map<string, number[]>();
  for (const [index, { call }] of history.entries()) {
    const key = model.keyOf(call);
    const indexes = keys.get(key);
    if (indexes === undefined) keys.set(key, [index]);
    else indexes.push(index);
  }
  return [...keys]
    .map(([key, indexes]) => ({ key, indexes, history: indexes.flatMap((index) => history[index] ?? []) }))
    .toSorted((left, right) => left.indexes.length - right.indexes.length);
}

function limitsOf({ stepCountMax, bytesMax, isOver }: CheckBudget): SearchLimits {
  const limits = {
    stepCountMax: stepCountMax ?? stepCountDefault,
    bytesMax: bytesMax ?? bytesDefault,
    isOver: isOver ?? (() => false),
  };
  if (!(limits.stepCountMax >= 0) || !(limits.bytesMax >= 0)) {
    throw new LockstepError('misuse', 'a budget is made of numbers of at least 0', {
      values: { stepCountMax: limits.stepCountMax, bytesMax: limits.bytesMax },
    });
  }
  return limits;
}

/** What the searches of all keys have used. */
class Tally {
  readonly #operationCount: number;
  readonly #keyCount: number;
  #configurationCount = 0;
  #bytesMax = 0;
  stepCount = 0;

  constructor(operationCount: number, keyCount: number) {
    this.#operationCount = operationCount;
    this.#keyCount = keyCount;
  }

  add(search: Search): void {
    this.stepCount += search.stepCount;
    this.#configurationCount += search.configurationCount;
    this.#bytesMax = Math.max(this.#bytesMax, search.bytes);
  }

  work(): CheckWork {
    return {
      operationCount: this.#operationCount,
      keyCount: this.#keyCount,
      stepCount: this.stepCount,
      configurationCount: this.#configurationCount,
      bytesMax: this.#bytesMax,
    };
  }
}

function searchOnce(
  history: History,
  model: Model<unknown, unknown, unknown>,
  limits: SearchLimits,
  tally: Tally,
): SearchEnd {
  const search = new Search(new Problem(history, model), limits);
  const end = search.run();
  tally.add(search);
  return end;
}

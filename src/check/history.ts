/**
 * A history: what each process asked for and what it was told, with the moments of both. Plain data, so that one from
 * the simulator, from real processes or from another project's file is judged alike. The vocabulary is Jepsen's: `ok`,
 * `fail`, `info`. Verdicts are in `linearizability.ts` and its neighbours.
 */
import { LockstepError } from '../kernel/errors.ts';

/** How an operation ended, as far as its process was told. */
export type Outcome<Result> =
  /** It took effect, and this is what it answered. */
  | { readonly kind: 'ok'; readonly at: number; readonly result: Result }
  /** It certainly had no effect, now or later. */
  | { readonly kind: 'fail'; readonly at: number }
  /** Unknown: it may have had its effect, may still have it at any later time, or never. `at` is null where nothing was told. */
  | { readonly kind: 'info'; readonly at: number | null };

/**
 * One operation of one process. Times are milliseconds, or the order of what was seen: only their order counts. `a`
 * comes before `b` in real time when `a` was completed strictly before `b` was invoked; otherwise the two are
 * concurrent. Those of one process stand in the order in which it asked, also where their times are equal.
 */
export interface Operation<Call = unknown, Result = unknown> {
  /** Who asked. A process does one operation at a time; after an `info` it may go on with the next one. */
  readonly process: string;
  readonly call: Call;
  readonly invokedAt: number;
  readonly outcome: Outcome<Result>;
}

/** Operations in the order of their invocations. What `recorder` returns is in order; `sortedHistory` sorts others. */
export type History<Call = unknown, Result = unknown> = readonly Operation<Call, Result>[];

/** The same operations in the order of their invocations; those of one moment stay as they were. */
export function sortedHistory<Call, Result>(history: History<Call, Result>): History<Call, Result> {
  return history.toSorted((left, right) => left.invokedAt - right.invokedAt);
}

/**
 * Checks what every verdict rests on: times are numbers, no operation ends before it begins, and the history is in the
 * order of its invocations.
 * @throws LockstepError `invalid`, naming the operation by its index.
 */
export function validateHistory(history: History): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const [index, { process, invokedAt, outcome }] of history.entries()) {
    const refuse = (what: string): never => {
      throw new LockstepError('invalid', what, { values: { operation: index, process } });
    };
    if (!Number.isFinite(invokedAt)) refuse('an operation has no time of invocation');
    if (invokedAt < last) refuse('an operation was invoked before the one that stands before it: sort the history');
    if (outcome.at !== null && !(outcome.at >= invokedAt && outcome.at < Number.POSITIVE_INFINITY)) {
      refuse('an operation ended before it began');
    }
    last = invokedAt;
  }
}

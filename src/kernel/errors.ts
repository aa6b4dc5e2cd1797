import { printable } from './printable.ts';

/**
 * The one error class of the product. A kind exists only where callers would act differently, and says for certain
 * whether the operation happened. Expected outcomes (conflict, rejected, fenced, full) are return values instead.
 * `docs/errors.md` is printed from the table below; adding a kind takes a decision record (docs/decisions/0003).
 */

export interface ErrorKindFacts {
  readonly meaning: string;
  /** `no`: it certainly had no effect. `unknown`: it may have happened, wholly or in part. */
  readonly happened: 'no' | 'unknown';
  /** Whether the same call may succeed later without anybody changing it. */
  readonly retry: boolean;
  readonly advice: string;
}

export type ErrorKind =
  | 'invalid'
  | 'misuse'
  | 'rejected'
  | 'in-use'
  | 'overloaded'
  | 'unavailable'
  | 'unknown'
  | 'corrupt'
  | 'disk-full'
  | 'disk-failed'
  | 'stopped';

export const errorKinds: Readonly<Record<ErrorKind, ErrorKindFacts>> = Object.freeze({
  invalid: {
    meaning: 'the data breaks a rule that is stated',
    happened: 'no',
    retry: false,
    advice: 'correct the data; the message names the path',
  },
  misuse: { meaning: 'the calling code is wrong', happened: 'no', retry: false, advice: 'fix the calling code' },
  rejected: {
    meaning: 'a decided no, thrown because the caller asked for the outcome alone',
    happened: 'no',
    retry: false,
    advice: 'look at the rejection, or check the outcome instead',
  },
  'in-use': {
    meaning: 'somebody else owns it',
    happened: 'no',
    retry: false,
    advice: 'go through the owner, or take over by name',
  },
  overloaded: { meaning: 'a limit is reached', happened: 'no', retry: true, advice: 'retry later, with backoff' },
  unavailable: {
    meaning: 'the other side did not take it',
    happened: 'no',
    retry: true,
    advice: 'retry, with backoff',
  },
  unknown: {
    meaning: 'the answer was lost',
    happened: 'unknown',
    retry: true,
    advice: 'send it again with the same id: it runs once at most',
  },
  corrupt: {
    meaning: 'stored bytes are not what was written',
    happened: 'no',
    retry: false,
    advice: 'restore from a replica or a backup; nothing was overwritten',
  },
  'disk-full': {
    meaning: 'no space is left; what was written since the last sync is not durable',
    happened: 'unknown',
    retry: true,
    advice: 'free space, then open again',
  },
  'disk-failed': {
    meaning: 'the disk refused; what was written since the last sync may be lost',
    happened: 'unknown',
    retry: false,
    advice: 'do not sync again: close, check the disk, open again',
  },
  stopped: { meaning: 'it is closed, or about to be', happened: 'no', retry: false, advice: 'open it again' },
});

/** What an error can name: where, which, how much. Printed as key=`value`, and readable as data. */
export type ErrorValues = Readonly<Record<string, string | number | bigint | boolean | null>>;

export interface LockstepErrorOptions {
  readonly cause?: unknown;
  readonly values?: ErrorValues;
  /** What to do, a line each; without it the kind's general advice stands in the documentation alone. */
  readonly advice?: readonly string[];
}

/**
 * Thrown when the caller cannot go on. The first line of the message says what was wrong, in lower case, with its
 * values last; further lines say what to do. The wording is not part of the API: act on `kind`, `happened`, `retry`
 * and `values`.
 */
export class LockstepError extends Error {
  override readonly name = 'LockstepError';
  /** What `isLockstepError` looks for: `instanceof` fails across copies of the package. */
  readonly '~lockstep': true = true;
  readonly kind: ErrorKind;
  readonly happened: 'no' | 'unknown';
  readonly retry: boolean;
  readonly values: ErrorValues;
  /** What was wrong: the message without its values and advice. */
  readonly summary: string;
  readonly advice: readonly string[];
  /** Where the kind is explained. */
  readonly docs: string;

  constructor(kind: ErrorKind, message: string, options: LockstepErrorOptions = {}) {
    const values = Object.entries(options.values ?? {}).map(
      ([key, value]) => ` ${key}=\`${printable(String(value))}\``,
    );
    const advice = (options.advice ?? []).map((line) => `\n  ${line}`);
    super(
      message + values.join('') + advice.join(''),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    const facts = errorKinds[kind];
    this.kind = kind;
    this.happened = facts.happened;
    this.retry = facts.retry;
    this.values = Object.freeze({ ...options.values });
    this.summary = message;
    this.advice = Object.freeze([...(options.advice ?? [])]);
    this.docs = `docs/errors.md#${kind}`;
  }
}

/** Works across copies of the package, where `instanceof` does not. */
export function isLockstepError(error: unknown, kind?: ErrorKind): error is LockstepError {
  return (
    typeof error === 'object' &&
    error !== null &&
    '~lockstep' in error &&
    (kind === undefined || (error as LockstepError).kind === kind)
  );
}

/** What was thrown, as an error: it may be anything. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/**
 * Errors over HTTP: problem details (RFC 9457) with the error's kind, whether it happened, what to do, and a link to where
 * the server itself explains the kind; and back to the error that they were.
 */
import { errorKinds, isLockstepError, LockstepError, type ErrorKind, type ErrorValues } from '../kernel/errors.ts';
import type { Reply } from './exchange.ts';
import { paths, problemType } from './wire.ts';

export interface Problem {
  /** Where its kind is explained. */
  readonly type: string;
  /** What its kind means. */
  readonly title: string;
  readonly status: number;
  /** What was wrong here. */
  readonly detail: string;
  readonly kind: ErrorKind;
  readonly happened: 'no' | 'unknown';
  readonly retry: boolean;
  readonly values: ErrorValues;
  readonly advice: readonly string[];
}

/** What each kind is in HTTP. 5xx: the caller did nothing wrong; those with `retry` may pass, and say when to come back. */
export const statusOfKind: Readonly<Record<ErrorKind, number>> = Object.freeze({
  invalid: 400,
  misuse: 400,
  rejected: 409,
  'in-use': 503,
  overloaded: 503,
  unavailable: 503,
  unknown: 504,
  corrupt: 500,
  'disk-full': 507,
  'disk-failed': 500,
  stopped: 503,
});

/** A request that is answered without being taken up. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly status: number;
  readonly error: LockstepError;
  readonly headers: Readonly<Record<string, string>>;
}

export function refusal(status: number, error: LockstepError, headers: Readonly<Record<string, string>> = {}): Refusal {
  return { kind: 'refusal', status, error, headers };
}

export const refusalOf = (error: LockstepError): Refusal => refusal(statusOfKind[error.kind], error);

/** One that says itself what was wrong with the request; not what the app's code threw, which is in no request. */
export const isOwnError = (error: unknown): error is LockstepError =>
  isLockstepError(error) && !(error.kind === 'misuse' && error.cause !== undefined);

export function problemOf({ status, error }: Refusal, base: string): Problem {
  const { kind, happened, retry, values, advice, summary } = error;
  return {
    type: `${base}${paths.errorKind(kind)}`,
    title: errorKinds[kind].meaning,
    status,
    detail: summary,
    kind,
    happened,
    retry,
    values,
    advice: advice.length > 0 ? advice : [errorKinds[kind].advice],
  };
}

/** In JSON whatever was asked for: who reads it may be a person. */
export function problemReply(refused: Refusal, base: string): Reply {
  const problem = problemOf(refused, base);
  const body = JSON.stringify(problem, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  const later: Record<string, string> = problem.retry && problem.status === 503 ? { 'retry-after': '1' } : {};
  return {
    status: problem.status,
    headers: { ...commonHeaders, 'content-type': problemType, ...later, ...refused.headers },
    body,
  };
}

/** Of every answer. */
export const commonHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

const isKind = (kind: unknown): kind is ErrorKind => typeof kind === 'string' && Object.hasOwn(errorKinds, kind);

/** The error that a problem tells of; of an answer that is none, what its status says. */
export function errorOf(problem: unknown, status: number): LockstepError {
  const { kind, detail, values, advice } = Object(problem) as { readonly [K in keyof Problem]?: unknown };
  if (!isKind(kind)) return errorOfStatus(status);
  const lines = Array.isArray(advice) ? advice.filter((line) => typeof line === 'string') : [];
  return new LockstepError(kind, typeof detail === 'string' ? detail : errorKinds[kind].meaning, {
    values: { ...(Object(values) as ErrorValues), status },
    advice: lines,
  });
}

/** What stands between may answer in its own words: then a 5xx may have come after the command was passed on. */
function errorOfStatus(status: number): LockstepError {
  const kind = status >= 500 || status === 408 ? 'unknown' : status === 429 ? 'overloaded' : 'misuse';
  return new LockstepError(kind, 'who answered is no Lockstep server', { values: { status } });
}

/**
 * What goes between the pool of job threads and one of them: a request, then its answer, one at a time. Errors cross
 * as plain data, because structured clone keeps neither the class of a `LockstepError` nor the kind in it.
 */
import { LockstepError, isLockstepError, type ErrorKind, type ErrorValues } from '../kernel/errors.ts';

/** Given to a thread when it starts. */
export interface JobThreadData {
  /** The directory that its jobs' disk is the root of. */
  readonly root: string;
}

export interface JobRequest {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

export type JobAnswer =
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: EncodedError };

export interface EncodedError {
  /** Null for an error that is none of ours. */
  readonly kind: ErrorKind | null;
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  readonly values: ErrorValues;
}

export function encodeError(error: unknown): EncodedError {
  const plain = { kind: null, name: 'Error', message: '', stack: null, values: {} };
  if (!(error instanceof Error)) return { ...plain, message: String(error) };
  const { name, message, stack = null } = error;
  if (!isLockstepError(error)) return { ...plain, name: String(name), message: String(message), stack };
  return { kind: error.kind, name, message, stack, values: error.values };
}

export function decodeError(encoded: EncodedError): Error {
  const { kind, name, message, stack, values } = encoded;
  const error = kind === null ? Object.assign(new Error(message), { name }) : new LockstepError(kind, '', { values });
  error.message = message; // ready-made, with its values and advice
  if (stack !== null) error.stack = stack; // where it was thrown, not where it arrived
  return error;
}

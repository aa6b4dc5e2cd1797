/** A decided no: in `decide` the command is refused, in a saga it undoes and ends, in a worker the job is put aside. */
import type { Rejection } from '../partition/transaction.ts';

/** A decided no and its reason. It is returned; what is thrown means that something broke. */
export function reject<Code extends string>(code: Code): Rejection<Code, undefined>;
export function reject<Code extends string, Details>(code: Code, details: Details): Rejection<Code, Details>;
export function reject(code: string, details?: unknown): Rejection {
  return { kind: 'rejected', code, details };
}

export function isRejection(outcome: object): outcome is Rejection {
  return 'kind' in outcome && outcome.kind === 'rejected';
}

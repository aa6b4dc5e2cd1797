/**
 * Invariants, checked in production. A false condition is a bug of ours, never bad input (that is a `LockstepError`),
 * and whoever broke one is not run any further: `assert` throws, it never logs on and is never compiled out.
 */

/** Thrown by `assert` and `unreachable`: our bug. Please report it with its stack. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * `claim` says what holds, in the present tense, so that it reads as documentation where it stands. A constant text:
 * it is made at every call, and a template would cost more than what it guards.
 */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new InvariantError(`this must hold, and does not: ${claim}`);
}

/** The end of a `switch` over a closed union: a new member becomes a compile error here. */
export function unreachable(value: never): never {
  throw new InvariantError(`no case for ${JSON.stringify(value) ?? String(value)}`);
}

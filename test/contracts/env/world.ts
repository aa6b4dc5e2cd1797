/**
 * What a world must offer so that the contracts of the ports can be checked in it. The contracts are written once;
 * the real world (`os.int.test.ts`) and the simulated one (`test/sim/env-contract.test.ts`) pass the same ones. A body uses nothing but
 * its env: no real time, no module of Node.
 */
import { test } from 'vitest';
import type { Env } from '../../../src/env/env.ts';
import { isLockstepError, type ErrorKind } from '../../../src/kernel/errors.ts';

export interface World {
  /** The host by which a process reaches itself: what stands before the colon of an address. */
  readonly host: string;
  /**
   * Runs the body as a process of its own: empty disk, one thread for jobs, nothing that goes wrong by itself. Rejects
   * with what the body threw.
   */
  run(body: (env: Env) => Promise<void>): Promise<void>;
}

/** Declares a test of each claim, run in the world. */
export type Claim = (claim: string, body: (env: Env) => Promise<void>) => void;

export const claimsIn =
  (world: World): Claim =>
  (claim, body) =>
    test(claim, () => world.run(body));

/** What the call throws or rejects with; undefined when it does neither. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** The kind of `LockstepError` that the call throws or rejects with; null when it does neither. Other errors are thrown on. */
export async function kindOf(call: () => unknown): Promise<ErrorKind | null> {
  const failure = await failureOf(call);
  if (failure === undefined) return null;
  if (!isLockstepError(failure)) throw failure;
  return failure.kind;
}

export const bytesOf = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytesOfText = (text: string): Uint8Array => new TextEncoder().encode(text);

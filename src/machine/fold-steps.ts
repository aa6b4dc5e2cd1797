/**
 * Folding a long stream again after its machine's `codeVersion` was raised: in bounded transactions, so that others run in
 * between, each leaving a snapshot from which the next goes on, whoever leads then. Short streams are folded at once, in the
 * command that needs their state.
 */
import type { Partitions } from '../partition/partitions.ts';
import type { Transaction } from '../partition/transaction.ts';
import type { AnyMachine } from './definition.ts';
import { foldFurther } from './instance.ts';
import type { MachineRuntime } from './runtime.ts';

/** Events that a command folds by itself: more are folded in steps before. */
export const foldedAtOnceMax = 1_000;
/** Events that one step folds: some milliseconds. */
const stepEvents = 500;

/** Resolves with true when the state is of this code; with false when it was not decided here: the command tells why. */
export async function foldInSteps(
  partitions: Partitions,
  { randomness }: Pick<MachineRuntime, 'randomness'>,
  machine: AnyMachine,
  key: string,
): Promise<boolean> {
  for (;;) {
    const step = (tx: Transaction): boolean => foldFurther({ tx, randomness }, machine, key, stepEvents);
    const outcome = await partitions.transact<boolean>(key, step);
    if (outcome.kind !== 'committed') return false;
    if (outcome.value) return true;
  }
}

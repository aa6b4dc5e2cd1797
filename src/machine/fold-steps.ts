/**
 * Folding a long stream again after its machine's `codeVersion` was raised: in bounded transactions, so that others run in
 * between, each leaving a snapshot from which the next goes on, whoever leads then. Short streams are folded at once, in the
 * command, message or deadline that needs their state; before a long one's they are steps, so that no transaction is long.
 */
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { pause } from '../log/within.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Transaction } from '../partition/transaction.ts';
import type { AnyMachine } from './definition.ts';
import { foldBegun, foldFurther, foldRows, storedOf, type Instance } from './instance.ts';
import type { PlaceState } from './place-state.ts';
import type { MachineRuntime } from './runtime.ts';

/** Events that a command folds by itself: more are folded in steps before. */
export const foldedAtOnceMax = 1_000;
/** Events that one step folds: some milliseconds. */
const stepEvents = 500;

/** One step. True: the state is of this code now. @throws as `foldFurther`. */
export const foldStep = (
  tx: Transaction,
  { randomness }: Pick<MachineRuntime, 'randomness'>,
  machine: AnyMachine,
  key: string,
): boolean => foldFurther({ tx, randomness }, machine, key, stepEvents);

/** Resolves with true when the state is of this code; with false when it was not decided here: the command tells why. */
export async function foldInSteps(
  partitions: Partitions,
  runtime: Pick<MachineRuntime, 'randomness'>,
  machine: AnyMachine,
  key: string,
): Promise<boolean> {
  for (;;) {
    const outcome = await partitions.transact<boolean>(key, (tx) => foldStep(tx, runtime, machine, key));
    if (outcome.kind !== 'committed') return false;
    if (outcome.value) return true;
  }
}

/**
 * The instance as `place` has it, for whoever cannot write: others run between two steps, and nothing of them is kept.
 * @throws LockstepError `corrupt`; what `evolve` throws.
 */
export async function foldAlone(
  timers: Timers,
  place: PlaceState,
  machine: AnyMachine,
  key: string,
): Promise<Instance> {
  const { version = 0, deadlineMs = null } = storedOf(place, machine, key) ?? {};
  let folded = foldBegun(place, machine, key);
  while (folded.version < version) {
    const before = folded.version;
    folded = foldRows(place, machine, key, { begun: folded, eventsMax: stepEvents });
    if (folded.version === before)
      throw new LockstepError('corrupt', 'an instance has fewer events than it had', {
        values: { machine: machine.name, key },
      });
    await pause(timers, 0, []);
  }
  return { version, state: folded.state, deadlineMs };
}

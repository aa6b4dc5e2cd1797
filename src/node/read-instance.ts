/**
 * The state of one instance, from whichever node is asked. One of older code is folded again first: in steps that are kept
 * where this node leads; where it does not, for this reader alone, and others run in between.
 */
import { durationMs, type Duration } from '../kernel/time.ts';
import type { Snapshot } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { again, deliver, type DeliveryPorts } from '../machine/delivery.ts';
import { foldAlone, foldedAtOnceMax, foldInSteps } from '../machine/fold-steps.ts';
import { loadInstance } from '../machine/instance.ts';
import type { Options } from '../machine/part.ts';
import { placeStateAt } from '../machine/place-state.ts';
import { checkKey, checkPart, type MachineRuntime } from '../machine/runtime.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Consistency } from '../partition/reads.ts';
import type { Token } from '../partition/transaction.ts';

export interface ReadSetup extends DeliveryPorts {
  readonly partitions: Partitions;
  readonly runtime: MachineRuntime;
}

interface Found extends Snapshot<unknown> {
  readonly kind: 'found';
}

const withinMs = 30_000;

/** @throws as `LockstepNode.read`. */
export async function readInstance(
  setup: ReadSetup,
  machine: AnyMachine,
  key: string,
  { after, maxAge }: Options<{ after: Token; maxAge: Duration }>,
): Promise<Snapshot<unknown>> {
  const { ports, partitions, runtime } = setup;
  checkPart(runtime, machine);
  checkKey(key);
  const consistency = consistencyOf(after, maxAge);
  const values = { machine: machine.name, key };
  const about = { what: 'read', key, values, withinMs, signal: undefined };
  let isElsewhere = false;
  const { state, version, token, ageMs } = await deliver<Found>(setup, about, async (leftMs) => {
    const outcome = await partitions.read(key, consistency, { withinMs: leftMs });
    if (outcome.kind !== 'snapshot') return again(outcome, values);
    using snapshot = outcome;
    const place = placeStateAt(snapshot, key);
    const found = isElsewhere
      ? await foldAlone(ports.timers, place, machine, key)
      : loadInstance(place, machine, key, foldedAtOnceMax);
    if (found !== null) return { ...found, kind: 'found', token: snapshot.token, ageMs: snapshot.ageMs };
    isElsewhere = !(await foldInSteps(partitions, runtime, machine, key));
    return { kind: 'again', inDoubt: false, why: 'its state to be folded again by newer code' };
  });
  return { state, version, token, ageMs };
}

function consistencyOf(after: Token | undefined, maxAge: Duration | undefined): Consistency {
  if (after !== undefined) return { atLeast: after };
  return maxAge === undefined ? 'linearizable' : { staleMsMax: durationMs(maxAge) };
}

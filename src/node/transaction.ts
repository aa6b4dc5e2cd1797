/**
 * Transactions of a node's own, and of its users: what those may do is the same as in decisions, and is made part of a
 * transaction in the same way.
 */
import { hybridDate } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { isPromise } from '../kernel/promise.ts';
import { DecisionRun } from '../machine/decision.ts';
import type { Transaction as UserTransaction } from '../machine/definition.ts';
import { again, deliver, type DeliveryAbout, type DeliveryPorts } from '../machine/delivery.ts';
import { applyEffects, type FencedOut } from '../machine/effects.ts';
import type { Overtaken } from '../machine/tags.ts';
import type { Origin } from '../machine/event-row.ts';
import type { MachineRuntime } from '../machine/runtime.ts';
import type { Synchronous, Token, Transaction, TransactOutcome } from '../partition/transaction.ts';

export interface UsersRun {
  readonly commandId: string;
  readonly actor: string;
  readonly newId: () => string;
  /** Those of the app, which alone are sent to. */
  readonly machines: MachineRuntime['machines'];
  /** What it reacts to. Default: nothing, it comes from outside. */
  readonly cause?: Pick<Origin, 'correlationId' | 'causationId' | 'trace'> | undefined;
}

/** What `run` gives, once all that it asked for is part of the transaction. @throws what `run` throws. */
export function runUsers<T>(
  tx: Transaction,
  key: string,
  about: UsersRun,
  run: (tx: UserTransaction) => Synchronous<T>,
): Synchronous<T> | FencedOut | Overtaken {
  const { commandId, actor, cause } = about;
  const decision = new DecisionRun('transact', { events: {} }, { ...about, now: hybridDate(tx.now), key, version: 0 });
  try {
    const value = run(decision.context);
    if (isPromise<unknown>(value)) {
      value.then(undefined, () => {}); // it is answered with the misuse below, whatever becomes of it
      throw new LockstepError('misuse', 'a transaction is synchronous: await before it', { values: { key } });
    }
    const origin = { actor, commandId, correlationId: commandId, causationId: null, trace: null, ...cause };
    return applyEffects(tx, decision.effects, origin) ?? value;
  } finally {
    decision.end();
  }
}

/**
 * What a transaction came to that is sent again until somebody decides it. What is sent has one command id.
 * @throws LockstepError `rejected` for a rejection, with its code; as `deliver`; what its function throws.
 */
export async function committedBy(
  ports: DeliveryPorts,
  about: DeliveryAbout,
  send: (leftMs: number) => Promise<TransactOutcome<unknown>>,
): Promise<{ readonly value: unknown; readonly token: Token }> {
  const { values } = about;
  const { value, token } = await deliver(ports, about, async (leftMs) => {
    const outcome = await send(leftMs);
    switch (outcome.kind) {
      case 'committed':
      case 'already-done':
        return { kind: 'done', value: outcome.value, token: outcome.token } as const;
      case 'not-leader':
      case 'refused':
        return again(outcome, values);
      case 'expired':
        throw new LockstepError('unknown', 'the id of this transaction was forgotten before its outcome was known', {
          values,
        });
      default:
        throw new LockstepError('rejected', 'this transaction was refused, and nothing of it was done', {
          values: { ...values, code: String((outcome as { readonly code: unknown }).code) },
        });
    }
  });
  return { value, token };
}

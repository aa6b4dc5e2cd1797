/** What users' own transactions on a node may do: the same as decisions, and made part of a transaction in the same way. */
import { hybridDate } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { DecisionRun } from '../machine/decision.ts';
import type { Transaction as UserTransaction } from '../machine/definition.ts';
import { applyEffects, type FencedOut } from '../machine/effects.ts';
import type { Synchronous, Transaction } from '../partition/transaction.ts';

/** What `run` gives, once all that it asked for is part of the transaction. @throws what `run` throws. */
export function runUsers<T>(
  tx: Transaction,
  key: string,
  about: { readonly commandId: string; readonly actor: string; readonly newId: () => string },
  run: (tx: UserTransaction) => Synchronous<T>,
): Synchronous<T> | FencedOut {
  const { commandId, actor } = about;
  const decision = new DecisionRun('transact', { events: {} }, { ...about, now: hybridDate(tx.now), key, version: 0 });
  try {
    const value = run(decision.context);
    if (value instanceof Promise)
      throw new LockstepError('misuse', 'a transaction is synchronous: await before it', { values: { key } });
    const origin = { actor, commandId, correlationId: commandId, causationId: null, trace: null };
    return applyEffects(tx, decision.effects, origin) ?? value;
  } finally {
    decision.end();
  }
}

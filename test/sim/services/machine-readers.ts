/**
 * What a node of the scenario `machine` does besides answering: it takes a subscription from the others and notes each
 * deposit once, follows all partitions in the order of time, archives streams under those who read them, and makes gifts.
 */
import type { LockstepNode } from 'lockstep';
import { isLockstepError, type Env } from 'lockstep/env';
import { archiveFurther } from '../../../src/machine/archive.ts';
import type { Transaction } from '../../../src/machine/definition.ts';
import type { EventRow } from '../../../src/machine/event-row.ts';
import { archiveSystem } from '../../../src/machine/stream-rows.ts';
import { giftTag, type Bank, type MachineBug } from './machine-app.ts';

const isPassing = (error: unknown): boolean =>
  isLockstepError(error, 'unavailable') || isLockstepError(error, 'unknown');

/** All nodes want it: whoever opened it last has it. */
export async function auditing(
  env: Env,
  node: LockstepNode,
  { account, audit }: Bank,
  bug: MachineBug,
): Promise<never> {
  for (;;) {
    try {
      const deposits = node.subscription('audit', { machines: [account], types: ['Deposited'] });
      for await (const { id, key } of deposits) {
        const note = (tx: Transaction): undefined => tx.send(audit, key, 'Note', { of: id });
        const isApart = bug.acknowledgesApart === true;
        const { kind } = await deposits.ack(isApart ? undefined : note);
        if (kind === 'taken-over') break;
        if (isApart) await node.transact(key, note);
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await env.sleep(`${200 + env.randomness.below(600)}ms`);
  }
}

/** Deposits without a note, of a partition. */
export function unnoted(rows: readonly EventRow[]): number {
  const types = rows.flatMap(({ events }) => events.map(({ type }) => type));
  const count = (wanted: string): number => types.filter((type) => type === wanted).length;
  return Math.max(0, count('Deposited') - count('Noted'));
}

/** From the start, as often as this node is started. */
export async function mergedEvents(
  node: LockstepNode,
  { merged, bug }: { readonly merged: string[]; readonly bug: MachineBug },
): Promise<void> {
  merged.length = 0;
  const order = bug.mergesAsTheyCome === true ? 'partition' : 'time';
  for await (const { id } of node.allEvents({ order })) merged.push(id);
}

const keys = ['ant/1', 'ant/2', 'bee', 'cat', 'till/1'] as const;

export async function archiving(env: Env, node: LockstepNode, { account }: Bank, bug: MachineBug): Promise<never> {
  for (;;) {
    await env.sleep(`${200 + env.randomness.below(800)}ms`);
    const key = keys[env.randomness.below(keys.length)] ?? 'bee';
    try {
      if (bug.archivesApart === true) await archiveApart(node, account.name, key);
      else await node.archive(account, key);
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
}

async function archiveApart({ partitions }: LockstepNode, machine: string, key: string): Promise<void> {
  const range = { prefix: [machine, key], reverse: true, limit: 1 };
  const outcome = await partitions.transact(key, (tx) => {
    if (archiveFurther(tx, machine, key) === 0) return null;
    const space = tx.system(archiveSystem, 'place');
    const [made = null] = space.range(range);
    if (made !== null) space.delete(made[0]);
    return made;
  });
  if (outcome.kind !== 'committed' || outcome.value === null) return;
  const [at, chunk] = outcome.value;
  await partitions.transact(key, (tx) => tx.system(archiveSystem, 'place').set(at, chunk));
}

/** The condition of a gift. */
export async function noGiftYet(node: LockstepNode, key: string, { requiresFromNowOn = false }: MachineBug) {
  const queries = [{ tags: [giftTag], types: ['Deposited'] }];
  if (!requiresFromNowOn) return { queries, after: 'start' } as const;
  const { token: after } = await node.readTagged(key, { queries });
  return { queries, after };
}

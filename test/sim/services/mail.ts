/**
 * Letters into a mailbox. An answer that got lost says nothing about the letter, so a sender sends it again under the
 * same id until it is answered, and the mailbox keeps each id once.
 */
import type { Env, NodeAddress } from 'lockstep/env';
import { answerCalls, call, callUntilAnswered } from '../../../src/sim/cluster/calls.ts';

export interface Letter {
  readonly id: string;
  readonly text: string;
}

/** `letters` is what the mailbox holds: the scenario looks into it. */
export function mailbox(env: Env, address: NodeAddress, letters: Letter[]): Promise<never> {
  return answerCalls(env, address, (request) => {
    const { id, text } = request as { readonly id: string; readonly text: string };
    if (!letters.some((letter) => letter.id === id)) letters.push({ id, text });
    return 'kept';
  });
}

/** Starts from the first letter whenever its process does: ids are the letters' own, so that this does no harm. */
export async function sender(env: Env, to: NodeAddress, letters: readonly Letter[]): Promise<void> {
  for (const { id, text } of letters) {
    await callUntilAnswered(env, to, { id, text });
    await env.sleep('50ms');
  }
}

/** The planted bug: a letter whose answer does not come is taken for sent. */
export async function senderWithoutRetry(env: Env, to: NodeAddress, letters: readonly Letter[]): Promise<void> {
  for (const { id, text } of letters) {
    await call(env, to, { id, text }).catch(() => undefined);
    await env.sleep('50ms');
  }
}

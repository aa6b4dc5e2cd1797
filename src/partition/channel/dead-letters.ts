/** Messages that were put aside: to be seen, to be tried again, to be dropped. */
import { ValueDecoder } from '../../bytes/value-decode.ts';
import type { HybridTimestamp } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { placeOf } from '../../ring/slot.ts';
import type { Reader, ReadSpace, Rejection, Transact, Transaction, TransactOutcome } from '../transaction.ts';
import { allDead, allLost, deadFrom, deadKey, removeDead, type DeadEntry, type LostMessages } from './inbox.ts';
import {
  decodeEnvelope,
  messageId,
  parseMessageId,
  type Later,
  type MessageHandler,
  type ReceivedMessage,
} from './message.ts';
import { channelName } from './receiver.ts';

export interface DeadLetter extends ReceivedMessage {
  /** How often its handler was tried. */
  readonly attempts: number;
  /** Why the last one failed. */
  readonly why: string;
  /** When it was put aside, in the partition's time. */
  readonly deadAt: HybridTimestamp;
}

export interface DeadLettersOptions {
  /** Those after this one: the id of the last one of the page before. */
  readonly after?: string | undefined;
  /** Default 100. */
  readonly limit?: number | undefined;
}

const noSuchLetter: Rejection<'no-such-letter', null> = Object.freeze({
  kind: 'rejected',
  code: 'no-such-letter',
  details: null,
});

/** The dead letters of a partition, by sender and in the order in which they were sent. @throws LockstepError `invalid` for what is no id. */
export function deadLettersOf(reader: Reader, { after, limit = 100 }: DeadLettersOptions = {}): readonly DeadLetter[] {
  const decoder = new ValueDecoder();
  const last = after === undefined ? null : parseMessageId(after);
  const from = last === null ? null : deadKey(last.sender, last.number);
  const space = reader.system(channelName, null);
  return [...allDead(space, { after: from, limit })].map((entry) => letterOf(decoder, entry));
}

/** What a partition had taken before it was restored from a backup in which it had not, and nobody has any more. */
export const lostMessagesOf = (reader: Reader): readonly LostMessages[] => [
  ...allLost(reader.system(channelName, null)),
];

/**
 * Runs the handler again, in one transaction with the letter's removal; it stays where the handler rejects or throws.
 * It takes effect now: after messages that were sent later.
 */
export async function replayDeadLetter(
  transact: Transact,
  id: string,
  handler: MessageHandler,
): Promise<TransactOutcome<null | Rejection>> {
  const { sender, number } = parseMessageId(id);
  const found = await transact(null, (tx) => deadIn(tx, id)?.bytes ?? noSuchLetter);
  if (found.kind !== 'committed') return found as TransactOutcome<null | Rejection>;
  const envelope = decodeEnvelope(new ValueDecoder(), found.value);
  for (;;) {
    const outcome = await transact(placeOf(envelope.to), (tx): null | Later | Rejection => {
      if (deadIn(tx, id) === null) return noSuchLetter;
      const answer = handler(tx, { id, ...envelope }) ?? null;
      if (answer === null) removeDead(spaceOf(tx), sender, number);
      return answer;
    });
    if (outcome.kind === 'committed' && outcome.value !== null) continue;
    return outcome as TransactOutcome<null | Rejection>; // it has no other value
  }
}

/** Removes it without any effect. */
export function dropDeadLetter(transact: Transact, id: string): Promise<TransactOutcome<null | Rejection>> {
  const { sender, number } = parseMessageId(id);
  return transact(null, (tx): null | Rejection => {
    if (deadIn(tx, id) === null) return noSuchLetter;
    removeDead(spaceOf(tx), sender, number);
    return null;
  });
}

const spaceOf = (tx: Transaction): ReturnType<Transaction['system']> => tx.system(channelName, 'local');

function deadIn(tx: Transaction, id: string): DeadEntry | null {
  const { sender, number } = parseMessageId(id);
  return deadFrom(spaceOf(tx) satisfies ReadSpace, sender, number);
}

function letterOf(decoder: ValueDecoder, { sender, number, bytes, attempts, why, at }: DeadEntry): DeadLetter {
  const id = messageId(sender, number);
  try {
    return { id, ...decodeEnvelope(decoder, bytes), attempts, why, deadAt: at };
  } catch (error) {
    throw new LockstepError('corrupt', 'a dead letter cannot be read', { values: { id }, cause: error });
  }
}

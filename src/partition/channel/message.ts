/**
 * A message on its way: which one it is, and what stands in it. Each pair of partitions has one growing number each way,
 * which goes on across generations of the sending one, so that (generation, number) orders all that was ever sent: after
 * a restore an old number comes again with a higher generation, and is another message.
 */
import type { ValueDecoder } from '../../bytes/value-decode.ts';
import type { ValueEncoder } from '../../bytes/value-encode.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { hybridTimestamp, type HybridTimestamp } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { Rejection, Transaction } from '../transaction.ts';

/** Which message of a pair. */
export interface MessageNumber {
  /** Of the sending partition, when it was sent. */
  readonly generation: number;
  /** From 1, without gaps. */
  readonly number: number;
}

export const beforeFirst: MessageNumber = Object.freeze({ generation: 0, number: 0 });

/** Whether the first was sent after the second. */
export const isAfter = (a: MessageNumber, b: MessageNumber): boolean =>
  a.generation === b.generation ? a.number > b.number : a.generation > b.generation;

export const isSame = (a: MessageNumber, b: MessageNumber): boolean =>
  a.generation === b.generation && a.number === b.number;

/** What was sent, as its handler sees it. */
export interface ReceivedMessage {
  /** Of this message for ever: its sending partition, generation and number. */
  readonly id: string;
  /** The key that it was sent to; the transaction's place is the key's. */
  readonly to: string;
  /** The place of the transaction that sent it; null: it had none. */
  readonly from: string | null;
  /** When that was, in the sending partition's time. */
  readonly sentAt: HybridTimestamp;
  readonly message: StoredValue;
}

/**
 * A message needs more work than one transaction should do: what was written stays, and it is handled again in the next
 * one, before all that are behind it. It must come to an end.
 */
export interface Later {
  readonly kind: 'later';
}

/**
 * What a message does, in a transaction of the place that it was sent to; all of it, or nothing, and once. Returns a
 * rejection to put it aside for good at once; what throws is tried again some times first.
 */
export type MessageHandler = (tx: Transaction, message: ReceivedMessage) => void | Later | Rejection;

export type Envelope = Omit<ReceivedMessage, 'id'>;

/** @throws LockstepError `invalid`, with the path, for a message that cannot be stored. */
export const encodeEnvelope = (encoder: ValueEncoder, { to, from, sentAt, message }: Envelope): Uint8Array =>
  encoder.encode([to, from, sentAt, message]);

/** @throws LockstepError `corrupt`. */
export function decodeEnvelope(decoder: ValueDecoder, bytes: Uint8Array): Envelope {
  const value = decoder.decode(bytes);
  if (Array.isArray(value) && value.length === 4) {
    const [to, from, at, message] = value;
    const sentAt = typeof at === 'number' ? hybridTimestamp(at) : null;
    if (typeof to === 'string' && (from === null || typeof from === 'string') && sentAt !== null)
      return { to, from, sentAt, message: message as StoredValue };
  }
  throw new LockstepError('corrupt', 'a message is not what was sent');
}

/** As text: `sender.generation.number`. */
export const messageId = (sender: string, { generation, number }: MessageNumber): string =>
  `${sender}.${generation}.${number}`;

/** @throws LockstepError `invalid` for what is no message's id. */
export function parseMessageId(id: string): { readonly sender: string; readonly number: MessageNumber } {
  const [, sender = '', generation = '', number = ''] = /^([0-9a-f]{16})\.(\d{1,16})\.(\d{1,16})$/.exec(id) ?? [];
  if (sender === '')
    throw new LockstepError('invalid', 'this is no id of a message', { values: { id: String(id).slice(0, 64) } });
  return { sender, number: { generation: Number(generation), number: Number(number) } };
}

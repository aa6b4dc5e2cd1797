/**
 * What is on its way to other partitions, in the sending one's own state: a message with its number, from the commit that
 * sent it until its receiver has said that it has it.
 *
 *     ['out', to, number]  [generation, total, message]   total: bytes of all messages up to this one, ever
 *     ['sent', to]         [generation, number, total]    the last one
 *     ['taken', to]        [generation, number, total]    the last one that the receiver has; it and all before are gone
 */
import type { KeyPart, Tuple } from '../../bytes/tuple.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { ReadSpace, Space } from '../transaction.ts';
import type { MessageNumber } from './message.ts';
import type { MessageInTransit } from './transport.ts';

/** Up to where. */
export interface OutboxMark extends MessageNumber {
  /** Bytes of all messages up to here. */
  readonly total: number;
}

export interface OutboxLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

export type OutMessage = MessageInTransit & OutboxMark;

const nowhere: OutboxMark = Object.freeze({ generation: 0, number: 0, total: 0 });

export const sentTo = (space: ReadSpace, to: number): OutboxMark => markOf(space.get(['sent', to]));
export const takenBy = (space: ReadSpace, to: number): OutboxMark => markOf(space.get(['taken', to]));

/** Behind all that was sent there before. Null: too much is on its way there. */
export function putOut(
  space: Space,
  to: number,
  generation: number,
  bytes: Uint8Array,
  limits: OutboxLimits,
): OutMessage | null {
  const last = sentTo(space, to);
  const taken = takenBy(space, to);
  const total = last.total + bytes.length;
  if (last.number - taken.number >= limits.countMax || total - taken.total > limits.bytesMax) return null;
  const number = last.number + 1;
  space.set(['out', to, number], [generation, total, bytes]);
  space.set(['sent', to], [generation, number, total]);
  return { generation, number, total, bytes };
}

/** The next ones after that number, in order; at least one where there are any. */
export function readOut(space: ReadSpace, to: number, after: number, limits: OutboxLimits): readonly OutMessage[] {
  const found: OutMessage[] = [];
  let bytesLeft = limits.bytesMax;
  const bounds = { prefix: ['out', to], from: ['out', to, after + 1], limit: limits.countMax };
  for (const [key, value] of space.range(bounds)) {
    const message = outOf(key, value);
    bytesLeft -= message.bytes.length;
    if (bytesLeft < 0 && found.length > 0) break;
    if (message.number !== after + 1 + found.length)
      throw new LockstepError('corrupt', 'an outbox lacks a message', {
        values: { to, number: after + 1 + found.length },
      });
    found.push(message);
  }
  return found;
}

/** The receiver has them: all up to there go. */
export function letGo(space: Space, to: number, upTo: OutboxMark): void {
  const taken = takenBy(space, to);
  if (upTo.number <= taken.number) return;
  for (let number = taken.number + 1; number <= upTo.number; number++) space.delete(['out', to, number]);
  space.set(['taken', to], [upTo.generation, upTo.number, upTo.total]);
}

/** Where messages wait to go. */
export function waitingTargets(space: ReadSpace): readonly number[] {
  const found: number[] = [];
  for (const [[, to], value] of space.range({ prefix: ['sent'] })) {
    if (typeof to !== 'number') throw unreadable();
    if (markOf(value).number > takenBy(space, to).number) found.push(to);
  }
  return found;
}

function markOf(value: StoredValue | undefined): OutboxMark {
  if (value === undefined) return nowhere;
  const [generation, number, total] = Array.isArray(value) ? value : [];
  if (typeof generation !== 'number' || typeof number !== 'number' || typeof total !== 'number') throw unreadable();
  return { generation, number, total };
}

function outOf(key: Tuple, value: StoredValue): OutMessage {
  const number: KeyPart | undefined = key[2];
  const [generation, total, bytes] = Array.isArray(value) ? value : [];
  if (typeof number !== 'number' || typeof generation !== 'number' || typeof total !== 'number') throw unreadable();
  if (!(bytes instanceof Uint8Array)) throw unreadable();
  return { generation, number, total, bytes };
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'an outbox is not what was written');

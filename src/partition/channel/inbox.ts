/**
 * What came from other partitions, in the receiving one's own state: of each sender the last message that took effect or
 * was put aside, moved by the very transaction in which it did; how often the one after it failed; and what is put aside.
 *
 *     ['in', sender]                        [generation, number]
 *     ['tried', sender]                     [attempts, why]               of the next one
 *     ['dead', sender, generation, number]  [message, attempts, why, at]
 *     ['dead-count']                        how many those are
 *     ['gap', sender, generation, number]   [generation, number, at]      lost by a restore: up to here, from after there
 */
import type { KeyPart, Tuple } from '../../bytes/tuple.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { hybridTimestamp, type HybridTimestamp } from '../../clock/timestamp.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { ReadSpace, Space } from '../transaction.ts';
import { beforeFirst, type MessageNumber } from './message.ts';

/** How much of a reason is kept. */
const reasonLengthMax = 1_000;

export function lastFrom(space: ReadSpace, sender: string): MessageNumber {
  const value = space.get(['in', sender]);
  if (value === undefined) return beforeFirst;
  const [generation, number] = Array.isArray(value) ? value : [];
  if (typeof generation !== 'number' || typeof number !== 'number') throw unreadable();
  return { generation, number };
}

/** It and all before took effect, or were put aside. */
export function moveTo(space: Space, sender: string, { generation, number }: MessageNumber): void {
  space.set(['in', sender], [generation, number]);
}

export interface Tried {
  readonly attempts: number;
  /** Why the last one failed. */
  readonly why: string;
}

/** The message after the last one. */
export function triedFrom(space: ReadSpace, sender: string): Tried | null {
  const value = space.get(['tried', sender]);
  if (value === undefined) return null;
  const [attempts, why] = Array.isArray(value) ? value : [];
  if (typeof attempts !== 'number' || typeof why !== 'string') throw unreadable();
  return { attempts, why };
}

export function noteTried(space: Space, sender: string, { attempts, why }: Tried): void {
  space.set(['tried', sender], [attempts, textOf(why)]);
}

export function forgetTried(space: Space, sender: string): void {
  space.delete(['tried', sender]);
}

/** What lies with the dead letters. */
export interface DeadEntry extends Tried {
  readonly sender: string;
  readonly number: MessageNumber;
  readonly bytes: Uint8Array;
  readonly at: HybridTimestamp;
}

/** False: there is no room, and nothing was done. */
export function putAside(space: Space, entry: DeadEntry, countMax: number): boolean {
  const count = deadCount(space);
  if (count >= countMax) return false;
  const { sender, number, bytes, attempts, why, at } = entry;
  space.set(deadKey(sender, number), [bytes, attempts, textOf(why), at]);
  space.set(['dead-count'], count + 1);
  return true;
}

export function deadFrom(space: ReadSpace, sender: string, number: MessageNumber): DeadEntry | null {
  const key = deadKey(sender, number);
  const value = space.get(key);
  return value === undefined ? null : deadOf(key, value);
}

export function removeDead(space: Space, sender: string, number: MessageNumber): void {
  space.delete(deadKey(sender, number));
  space.set(['dead-count'], deadCount(space) - 1);
}

/** In the order of senders, of each in the order of its messages. */
export function* allDead(
  space: ReadSpace,
  { after, limit }: { readonly after: Tuple | null; readonly limit: number },
): Iterable<DeadEntry> {
  // What sorts right behind a key: the same with one part more.
  const from = after === null ? undefined : [...after, null];
  for (const [key, value] of space.range({ prefix: ['dead'], from, limit })) yield deadOf(key, value);
}

export const deadKey = (sender: string, { generation, number }: MessageNumber): Tuple => [
  'dead',
  sender,
  generation,
  number,
];

export const deadCount = (space: ReadSpace): number => {
  const value = space.get(['dead-count']);
  if (value === undefined) return 0;
  if (typeof value !== 'number') throw unreadable();
  return value;
};

/** Messages that this partition had before it was restored from a backup in which it had not. */
export interface LostMessages {
  readonly sender: string;
  readonly after: MessageNumber;
  readonly upTo: MessageNumber;
  /** When that was noticed. */
  readonly at: HybridTimestamp;
}

export function noteLost(space: Space, { sender, after, upTo, at }: LostMessages): void {
  space.set(['gap', sender, upTo.generation, upTo.number], [after.generation, after.number, at]);
}

export function* allLost(space: ReadSpace): Iterable<LostMessages> {
  for (const [[, sender, generation, number], value] of space.range({ prefix: ['gap'] })) {
    const [afterGeneration, afterNumber, at] = Array.isArray(value) ? value : [];
    const after = numberOf(afterGeneration, afterNumber);
    yield { sender: senderOf(sender), after, upTo: numberOf(generation, number), at: timeOf(at) };
  }
}

function deadOf([, sender, generation, number]: Tuple, value: StoredValue): DeadEntry {
  const [bytes, attempts, why, at] = Array.isArray(value) ? value : [];
  if (!(bytes instanceof Uint8Array) || typeof attempts !== 'number' || typeof why !== 'string') throw unreadable();
  return { sender: senderOf(sender), number: numberOf(generation, number), bytes, attempts, why, at: timeOf(at) };
}

function numberOf(generation: unknown, number: unknown): MessageNumber {
  if (typeof generation !== 'number' || typeof number !== 'number') throw unreadable();
  return { generation, number };
}

function senderOf(value: KeyPart | undefined): string {
  if (typeof value !== 'string') throw unreadable();
  return value;
}

function timeOf(value: StoredValue | undefined): HybridTimestamp {
  const at = typeof value === 'number' ? hybridTimestamp(value) : null;
  if (at === null) throw unreadable();
  return at;
}

const textOf = (why: string): string => why.slice(0, reasonLengthMax).toWellFormed();

const unreadable = (): LockstepError => new LockstepError('corrupt', 'an inbox is not what was written');

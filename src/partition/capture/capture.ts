/**
 * Which keys are captured: of each of their changes the log keeps what they were before. Captures stand in the state by
 * name, set by transactions, so that all who lead capture the same.
 */
import { decodeTuple } from '../../bytes/tuple-decode.ts';
import { encodeTuple, keyBytesMax, type Tuple } from '../../bytes/tuple.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { placeOf } from '../../ring/slot.ts';
import type { Reader, Transaction } from '../transaction.ts';

export interface CapturedRange {
  /** The place of this key; null: what has no place. Default: all places. */
  readonly place?: string | null | undefined;
  /** Keys that begin with these parts. Default: all keys. */
  readonly prefix?: Tuple | undefined;
}

/** Ranges that are captured under one name. */
export interface Capture {
  readonly name: string;
  readonly ranges: readonly CapturedRange[];
}

/** The product's own state of this name: ranges by the name of their capture. */
export const captureSystem = 'capture';
/** What `Transaction.note` tells of. */
export const captureTopic = 'capture';
/** Of a capture; and so many captures of a partition. */
const rangesMax = 100;
const capturesMax = 100;

/**
 * Captures these ranges under a name, instead of those that were; none: no more. Every transaction that begins after the
 * outcome of this one was told is captured, whoever leads.
 * @throws LockstepError `invalid` for a prefix that is no key; `misuse` for more than 100 ranges, or captures.
 */
export function setCapture(tx: Transaction, name: string, ranges: readonly CapturedRange[]): void {
  if (ranges.length > rangesMax)
    throw new LockstepError('misuse', 'a capture has too many ranges', { values: { name, rangesMax } });
  const space = tx.system(captureSystem, 'local');
  if (ranges.length === 0) space.delete([name]);
  else {
    const isNew = space.get([name]) === undefined;
    if (isNew && [...space.range()].length >= capturesMax)
      throw new LockstepError('misuse', 'a partition has too many captures', { values: { name, capturesMax } });
    space.set([name], ranges.map(stored));
  }
  tx.note(captureTopic, null);
}

/** What is captured, by name. @throws LockstepError `corrupt`. */
export function captures(reader: Pick<Reader, 'system'>): Capture[] {
  const found: Capture[] = [];
  for (const [[name], value] of reader.system(captureSystem, null).range()) {
    if (typeof name !== 'string' || !Array.isArray(value)) throw unreadable();
    found.push({ name, ranges: value.map(rangeOf) });
  }
  return found;
}

function stored({ place, prefix = [] }: CapturedRange): StoredValue {
  const encoded = encodeTuple(prefix);
  if (place === undefined) return { prefix: encoded };
  return { place: place === null ? null : placeOf(place), prefix: encoded };
}

function rangeOf(value: StoredValue): CapturedRange {
  const { place, prefix } = (value ?? {}) as { readonly place?: unknown; readonly prefix?: unknown };
  const isPlace = place === undefined || place === null || typeof place === 'string';
  if (!(prefix instanceof Uint8Array) || !isPlace) throw unreadable();
  return { place, prefix: decodeTuple(prefix, 0, prefix.length, keyBytesMax) };
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'a capture is not what was written');

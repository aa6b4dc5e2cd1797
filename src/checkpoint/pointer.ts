/**
 * The pointer as it is stored, alike in every store: where it leads, which move that was, and the tokens of the moves
 * before. By these whoever lost its answer, or was overtaken, learns what became of its own move.
 */
import { crc32c } from '../bytes/crc32c.ts';
import type { Randomness } from '../env/randomness.ts';
import { LockstepError } from '../kernel/errors.ts';
import { isFileName, type FileName } from './file-name.ts';
import type { Pointer } from './port.ts';

export interface PointerRecord extends Pointer {
  /** Of the moves before this one, newest first, at most `tokensMax`. */
  readonly before: readonly string[];
}

/** So many moves later it can still be told what became of one. */
export const tokensMax = 64;
const format = 'lockstep pointer 1';

export function nextRecord(randomness: Randomness, was: PointerRecord | null, to: FileName): PointerRecord {
  const token = randomToken(randomness);
  if (was === null) return { to, number: 1, token, before: [] };
  return { to, number: was.number + 1, token, before: [was.token, ...was.before].slice(0, tokensMax) };
}

export function randomToken(randomness: Randomness): string {
  const words = Array.from({ length: 4 }, () => randomness.uint32());
  return words.map((word) => word.toString(16).padStart(8, '0')).join('');
}

/** What became of a move, seen from the place where the pointer is now. */
export function fateOf(move: PointerRecord, now: PointerRecord | null): 'moved' | 'not moved' | 'unknown' {
  if (now === null || now.number < move.number) return 'not moved';
  const stepsBack = now.number - move.number;
  const there = stepsBack === 0 ? now.token : now.before[stepsBack - 1];
  if (there === undefined) return 'unknown';
  return there === move.token ? 'moved' : 'not moved';
}

export const samePlace = (one: Pointer | null, other: Pointer | null): boolean =>
  one?.number === other?.number && one?.token === other?.token;

export const pointerOf = (record: PointerRecord | null): Pointer | null =>
  record === null ? null : { to: record.to, number: record.number, token: record.token };

/** Two lines: the record, and its checksum. */
export function encodePointer({ to, number, token, before }: PointerRecord): Uint8Array<ArrayBuffer> {
  const line = JSON.stringify({ format, to, number, token, before });
  return new TextEncoder().encode(`${line}\n${sumOf(line)}\n`);
}

/** @throws LockstepError `corrupt` for anything that `encodePointer` did not give, naming `where`. */
export function decodePointer(bytes: Uint8Array, where: string): PointerRecord {
  const [line = '', sum, rest] = new TextDecoder().decode(bytes).split('\n');
  const record = rest === '' && sum === sumOf(line) ? recordIn(line) : null;
  if (record !== null) return record;
  throw new LockstepError('corrupt', 'the pointer of a checkpoint store is damaged, or of a format not known here', {
    values: { where, byteCount: bytes.length },
    advice: ['the files are as they were: find the newest manifest among them, or restore the pointer from a backup'],
  });
}

function recordIn(line: string): PointerRecord | null {
  const value = JSON.parse(line) as Record<string, unknown>; // its sum was right: it is ours, or of a later format
  const { to, number, token, before } = value;
  const fits =
    value['format'] === format &&
    typeof to === 'string' &&
    isFileName(to) &&
    Number.isSafeInteger(number) &&
    typeof token === 'string' &&
    Array.isArray(before);
  return fits ? { to, number: number as number, token, before: before as readonly string[] } : null;
}

const sumOf = (line: string): string => (crc32c(new TextEncoder().encode(line)) >>> 0).toString(16).padStart(8, '0');

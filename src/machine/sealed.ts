/** Sealed bytes as they stand in rows of events and of states: `[subject, number, bytes]`. */
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import { keyNumbered } from './personal-keys.ts';
import type { PlaceState } from './place-state.ts';

/** Bytes that only the subject's key opens. */
export interface Sealed {
  readonly subject: string;
  /** Which of the subject's keys, from 1. */
  readonly number: number;
  /** The nonce, then what the cipher made. */
  readonly bytes: Uint8Array;
}

/** As it is read; `key` is null once it was destroyed. */
export interface Found extends Sealed {
  readonly key: Uint8Array | null;
}

export const encodeSealed = ({ subject, number, bytes }: Sealed): StoredValue => [subject, number, bytes];

/** With its key, if that is there. @throws LockstepError `corrupt`. */
export function decodeSealed(place: PlaceState, value: StoredValue): Found {
  const [subject, number, bytes] = Array.isArray(value) ? value : [];
  if (typeof subject !== 'string' || typeof number !== 'number' || !(bytes instanceof Uint8Array))
    throw new LockstepError('corrupt', 'sealed data is not what was written');
  return { subject, number, bytes, key: keyNumbered(place, subject, number) };
}

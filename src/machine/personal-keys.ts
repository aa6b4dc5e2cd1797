/**
 * The keys of subjects, one each, at the subject's place: made when first needed, in the transaction that needs it, and
 * destroyed when the subject is forgotten. What is written for the same subject later has a new key, so that nothing of
 * before becomes readable.
 *
 *     place  personal-keys  [subject]  → [number, key]; the key is null once it was destroyed
 */
import type { Randomness } from '../env/randomness.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { ReadSpace, Transaction } from '../partition/transaction.ts';
import { placeOf } from '../ring/slot.ts';
import type { PlaceState } from './place-state.ts';
import { checkKey, type OnRow } from './runtime.ts';
import { subjects } from './subjects.ts';

const keysSystem = 'personal-keys';

interface SubjectKey {
  /** From 1; 0: the subject never had one. */
  readonly number: number;
  readonly key: Uint8Array | null;
}

/** The subject's key, made if there is none. @throws LockstepError `misuse` for a subject of another place; `invalid`. */
export function keyFor(
  tx: Transaction,
  subject: string,
  randomness: Randomness,
  keyBytes: number,
): { readonly number: number; readonly key: Uint8Array } {
  checkKey(subject); // else nobody could send it `Forget`
  if (placeOf(subject) !== tx.place)
    throw new LockstepError('misuse', 'not-colocated: personal data is at the place of its subject', {
      values: { subject, place: tx.place },
      advice: ['let `subject` give a text that begins with the place of the key: `place` or `place/…`'],
    });
  const space = tx.system(keysSystem, 'place');
  const { number, key } = keyIn(space, subject);
  if (key !== null) return { number, key };
  const made = drawn(randomness, new Uint8Array(keyBytes));
  space.set([subject], [number + 1, made]);
  return { number: number + 1, key: made };
}

/** The same bytes, filled. */
export function drawn(randomness: Randomness, bytes: Uint8Array): Uint8Array {
  randomness.fill(bytes);
  return bytes;
}

/** Null: it was destroyed. @throws LockstepError `corrupt`. */
export function keyNumbered(place: PlaceState, subject: string, number: number): Uint8Array | null {
  const found = keyIn(place(keysSystem), subject);
  return found.number === number ? found.key : null;
}

/** Who is forgotten, in the same transaction has no key any more. */
export const destroyKeys: OnRow = (tx, { name }, { key: subject }) => {
  if (name !== subjects.name) return;
  const space = tx.system(keysSystem, 'place');
  const { number, key } = keyIn(space, subject);
  if (key !== null) space.set([subject], [number, null]);
};

function keyIn(space: ReadSpace, subject: string): SubjectKey {
  const stored = space.get([subject]);
  if (stored === undefined) return { number: 0, key: null };
  const [number, key] = Array.isArray(stored) ? stored : [];
  if (typeof number !== 'number' || (key !== null && !(key instanceof Uint8Array)))
    throw new LockstepError('corrupt', 'the key of a subject is not what was written', { values: { subject } });
  return { number, key };
}

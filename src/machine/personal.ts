/**
 * Personal data of events: which fields are personal, whose they are, and what seals them. A command's personal fields are
 * taken out of its events and stand beside them, sealed with the key of their subject; in their place stands null, which is
 * what is read once that key is destroyed ("crypto-shredding"). A state that is made of such events is sealed as a whole.
 */
import { encodeTuple, type KeyPart } from '../bytes/tuple.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { Randomness } from '../env/randomness.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Transaction } from '../partition/transaction.ts';
import type { AnyMachine } from './definition.ts';
import type { StoredEvent } from './engine.ts';
import type { EventRow, RowPlace } from './event-row.ts';
import type { PersonalCode } from './personal-code.ts';
import { drawn, keyFor } from './personal-keys.ts';
import type { Found, Sealed } from './sealed.ts';

/** Who writes: a transaction of the instance's place, and where its keys and nonces come from. */
export interface Sealing {
  readonly tx: Transaction;
  readonly randomness: Randomness;
}

/** The row as it is stored: its personal fields sealed, null in their place. @throws as `sealFor`. */
export function sealedRow(sealing: Sealing, machine: AnyMachine, row: EventRow): EventRow {
  const { personal } = machine['~machine'];
  if (personal === null) return row;
  const taken: StoredValue[] = [];
  const events = row.events.map((event, offset) => withoutPersonal(event, offset, personal, taken));
  if (taken.length === 0) return row;
  return { ...row, events, sealed: sealFor(sealing, personal, row.key, aboutRow(row), taken) };
}

function withoutPersonal(
  event: StoredEvent,
  offset: number,
  { fieldsOf }: PersonalCode,
  taken: StoredValue[],
): StoredEvent {
  const fields = fieldsOf.get(event.type);
  if (fields === undefined) return event;
  const data = { ...(event.data as Readonly<Record<string, StoredValue | undefined>>) }; // its fields are of an object
  let isChanged = false;
  for (const field of fields) {
    const value = Object.hasOwn(data, field) ? data[field] : undefined;
    if (value === undefined || value === null) continue;
    taken.push([offset, field, value]);
    data[field] = null;
    isChanged = true;
  }
  return isChanged ? { ...event, data } : event;
}

/**
 * The row with its personal fields, as long as their key is there; then with null.
 * @throws LockstepError `misuse` for a machine that has no personal fields any more; `corrupt`.
 */
export function openedRow(machine: AnyMachine, row: EventRow): EventRow {
  const { sealed } = row;
  if (sealed === undefined || sealed.key === null) return row;
  const fields = opened(machine, sealed, sealed.key, aboutRow(row));
  if (!Array.isArray(fields)) throw notAuthentic(machine, row.key);
  const events = [...row.events];
  for (const one of fields) {
    const [offset, field, value] = Array.isArray(one) ? one : [];
    const event = typeof offset === 'number' ? events[offset] : undefined;
    if (event === undefined || typeof field !== 'string' || value === undefined) throw notAuthentic(machine, row.key);
    events[offset as number] = { ...event, data: { ...(event.data as object), [field]: value } };
  }
  return { ...row, events };
}

/** A state as it is stored. Null: nothing in it is personal. @throws as `sealFor`. */
export function sealedState(sealing: Sealing, machine: AnyMachine, key: string, state: unknown): Sealed | null {
  const { personal } = machine['~machine'];
  if (personal === null) return null;
  return sealFor(sealing, personal, key, aboutState(machine, key), state);
}

/** The state; null once its key was destroyed. @throws as `openedRow`. */
export function openedState(machine: AnyMachine, key: string, sealed: Found): { readonly state: StoredValue } | null {
  if (sealed.key === null) return null;
  return { state: opened(machine, sealed, sealed.key, aboutState(machine, key)) };
}

/** What the sealed bytes belong to: moved elsewhere they do not open. */
const aboutRow = ({ machine, key, firstVersion }: RowPlace): readonly KeyPart[] => [
  'events',
  machine,
  key,
  firstVersion,
];
const aboutState = ({ name }: AnyMachine, key: string): readonly KeyPart[] => ['state', name, key];

const bound = (about: readonly KeyPart[], { subject, number }: Pick<Sealed, 'subject' | 'number'>): Uint8Array =>
  encodeTuple([...about, subject, number]);

/** @throws LockstepError `misuse` (`not-colocated`) for a subject of another place; `invalid` for what cannot be stored. */
function sealFor(
  { tx, randomness }: Sealing,
  { cipher, subjectOf, encoder }: PersonalCode,
  instance: string,
  about: readonly KeyPart[],
  value: unknown,
): Found {
  const subject = subjectOf(instance);
  const { number, key } = keyFor(tx, subject, randomness, cipher.keyBytes);
  const nonce = drawn(randomness, new Uint8Array(cipher.nonceBytes));
  const text = cipher.seal(key, nonce, encoder.encode(value), bound(about, { subject, number }));
  const bytes = new Uint8Array(nonce.length + text.length);
  bytes.set(nonce);
  bytes.set(text, nonce.length);
  return { subject, number, key, bytes };
}

function opened(machine: AnyMachine, sealed: Sealed, key: Uint8Array, about: readonly KeyPart[]): StoredValue {
  const { personal } = machine['~machine'];
  if (personal === null)
    throw new LockstepError('misuse', 'personal data of this machine is stored, and it has no personal fields', {
      values: { machine: machine.name },
      advice: ['what was stored stays: keep `personal(…)` for the shapes that had it'],
    });
  const { cipher, decoder } = personal;
  const nonce = sealed.bytes.subarray(0, cipher.nonceBytes);
  const text = sealed.bytes.subarray(cipher.nonceBytes);
  const bytes = cipher.open(key, nonce, text, bound(about, sealed));
  if (bytes === null) throw notAuthentic(machine, sealed.subject);
  return decoder.decode(bytes);
}

const notAuthentic = ({ name }: AnyMachine, key: string): LockstepError =>
  new LockstepError('corrupt', 'sealed data is not what was sealed here', { values: { machine: name, key } });

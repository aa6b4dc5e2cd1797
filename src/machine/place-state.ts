/** The product's own state of one place, as whoever reads it sees it: in a transaction, or at a snapshot. */
import type { Reader, ReadSpace, Transaction } from '../partition/transaction.ts';
import { placeOf } from '../ring/slot.ts';

/** By the name of the state. */
export type PlaceState = (name: string) => ReadSpace;

/** Of the transaction's place, as that sees it. */
export const placeStateOf =
  (tx: Transaction): PlaceState =>
  (name) =>
    tx.system(name, 'place');

/** Of a key's place. */
export const placeStateAt =
  (reader: Pick<Reader, 'system'>, key: string): PlaceState =>
  (name) =>
    reader.system(name, placeOf(key));

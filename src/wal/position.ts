import { assert } from '../kernel/assert.ts';
import type { Brand } from '../kernel/brand.ts';

/** Where an entry stands in a journal: its count, from the position that the journal was begun with (1 by default), dense. */
export type JournalPosition = Brand<number, 'JournalPosition'>;

/** The only place where a number becomes a position. */
export function journalPosition(value: number): JournalPosition {
  assert(Number.isSafeInteger(value) && value >= 0, 'a position is a natural number');
  return value as JournalPosition;
}

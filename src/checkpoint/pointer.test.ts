import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { contentName } from './file-name.ts';
import {
  decodePointer,
  encodePointer,
  fateOf,
  nextRecord,
  samePlace,
  tokensMax,
  type PointerRecord,
} from './pointer.ts';

const to = contentName(new Uint8Array(0), 'manifest');

function moves(count: number, seed: number | string): readonly PointerRecord[] {
  const random = new SeededRandom(seed);
  const records: PointerRecord[] = [];
  for (let index = 0; index < count; index++) records.push(nextRecord(random, records.at(-1) ?? null, to));
  return records;
}

test('a record is read back, and any byte of it that changes is corrupt', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(), fc.nat(), (count, seed, at) => {
      const record = moves(count, seed).at(-1) as PointerRecord;
      const bytes = encodePointer(record);
      expect(decodePointer(bytes, 'here')).toEqual(record);
      const place = at % bytes.length;
      bytes[place] = (bytes[place] as number) ^ 1;
      expect(() => decodePointer(bytes, 'here')).toThrow(expect.objectContaining({ kind: 'corrupt' }));
      expect(() => decodePointer(bytes.subarray(0, place), 'here')).toThrow(
        expect.objectContaining({ kind: 'corrupt' }),
      );
    }),
  );
});

test('what became of a move is known as far back as tokens are kept, and unknown before', () => {
  const all = moves(tokensMax + 10, 'one');
  const now = all.at(-1) as PointerRecord;
  for (const move of all) {
    const known = now.number - move.number <= tokensMax;
    expect(fateOf(move, now)).toBe(known ? 'moved' : 'unknown');
    expect(fateOf({ ...move, token: 'of another' }, now)).toBe(known ? 'not moved' : 'unknown');
  }
  expect(fateOf({ ...now, number: now.number + 1 }, now)).toBe('not moved');
  expect(fateOf(now, null)).toBe('not moved');
});

test('a place is its number and its token', () => {
  const [first, second] = [...moves(2, 'one')] as [PointerRecord, PointerRecord];
  expect([samePlace(null, null), samePlace(first, first)]).toEqual([true, true]);
  const others = [null, second, { ...first, token: second.token }];
  for (const other of others) expect([samePlace(first, other), samePlace(other, first)]).toEqual([false, false]);
});

import { expect, test } from 'vitest';
import { decodeRecord, encodeRecord, recordOverheadBytes, type WalRecord } from './wal-records.ts';

const large = 2 ** 53 - 1;
const records: readonly WalRecord[] = [
  { kind: 'entry', stream: 0, index: 1, entry: new Uint8Array(0) },
  { kind: 'entry', stream: large, index: large, entry: Uint8Array.of(1, 2, 3) },
  { kind: 'truncate-after', stream: 3, index: 0 },
  { kind: 'truncate-before', stream: large, index: large },
  { kind: 'streams', streams: [] },
  {
    kind: 'streams',
    streams: [
      { stream: 1, first: 1, next: 1 },
      { stream: large, first: large, next: large },
    ],
  },
];

test('every kind of record reads back as it was written', () => {
  for (const record of records) expect(decodeRecord(encodeRecord(record))).toEqual(record);
});

test('an entry costs no more than is said', () => {
  for (const record of records) {
    if (record.kind === 'entry')
      expect(encodeRecord(record).length).toBeLessThanOrEqual(recordOverheadBytes + record.entry.length);
  }
});

test('what no record begins with is corrupt', () => {
  for (const bytes of [Uint8Array.of(9, 1, 1), Uint8Array.of(), Uint8Array.of(0, 255)]) {
    expect(() => decodeRecord(bytes)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
  }
});

/** A chunk gives back the rows that it was made of, as they were stored. */
import fc from 'fast-check';
import { isLockstepError } from 'lockstep/env';
import { expect, test } from 'vitest';
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import { chunkedRows, chunkOf } from './chunk.ts';

const text = fc.constantFrom('local', 'ann', '', 'request-7');
const data = fc.constantFrom<StoredValue>(null, 0, 'text', { amount: 1 }, { amount: 2.5, of: [new Date(0)] }, [1]);
const event = fc.oneof(
  fc.tuple(text, fc.integer({ min: 1, max: 3 })),
  fc.tuple(text, fc.integer({ min: 1, max: 3 }), data),
);
const row = fc
  .record({
    revision: fc.nat(),
    at: fc.nat(),
    actor: text,
    id: fc.oneof(fc.uuid(), text, fc.constant('0123456789abcdef.1.7')),
    why: fc.tuple(fc.option(text), fc.option(text), fc.option(text)),
    events: fc.array(event, { minLength: 1, maxLength: 4 }),
    sealed: fc.option(fc.constant<StoredValue>(['ann', 1, Uint8Array.of(1, 2, 3)])),
  })
  .map(({ revision, at, actor, id, why, events, sealed }): StoredValue => {
    const stored: StoredValue[] = [revision, at, actor, id, ...why, events.map((one): StoredValue => [...one])];
    return sealed === null ? stored : [...stored, sealed];
  });

test('whatever rows are packed, they come out again, through the codec', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (rows) => {
      const chunk = new ValueDecoder().decode(new ValueEncoder().encode(chunkOf(rows)));
      const read = [...chunkedRows(chunk, 1)];
      expect(read.map(({ stored }) => stored)).toEqual(rows);
      for (const { firstVersion } of read)
        expect([...chunkedRows(chunk, 1, firstVersion)]).toEqual(
          read.filter((one) => one.firstVersion >= firstVersion),
        );
    }),
    { numRuns: 200 },
  );
});

test('rows that are alike take less than half of their bytes', () => {
  const encoder = new ValueEncoder();
  const rows = Array.from({ length: 20 }, (_, at): StoredValue => {
    const id = `01890a5d-ac96-774b-bcce-b302099a${String(8_000 + at)}`;
    const paid: StoredValue = ['Paid', 1, { amount: at, currency: 'EUR', method: 'card' }];
    return [1_000 + at * 7, 1_700_000_000_000 + at * 60_000, 'local', id, null, null, null, [paid]];
  });
  const bytes = rows.reduce<number>((sum, one) => sum + encoder.encode(one).length, 0);
  expect(encoder.encode(chunkOf(rows)).length * 2).toBeLessThan(bytes);
});

test('what is no chunk is corrupt', () => {
  for (const chunk of [null, [], [[], [], [1], []], [[['a']], [], [1, 2, 0, 'id', 1, 0], [], []]] as StoredValue[])
    expect(() => [...chunkedRows(chunk, 1)]).toThrow(expect.toSatisfy((error) => isLockstepError(error, 'corrupt')));
});

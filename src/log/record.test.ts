import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hash128 } from '../bytes/hash.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { putUint32 } from '../bytes/little-endian.ts';
import { chainBeforeFirst, logId } from './chain.ts';
import { epoch, position } from './coordinates.ts';
import { isClaim, ownerBytes, ownerOf, RecordCodec, recordHeaderBytesMax, recordHeaderBytesMin } from './record.ts';

const codec = new RecordCodec(4_096);
const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const fields = fc
  .record({
    id: hex.map(logId),
    chainBefore: hex,
    epoch: fc.integer({ min: 1, max: 2 ** 53 - 1 }).map(epoch),
    sequence: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
    firstRevision: fc.integer({ min: 0, max: 2 ** 52 }),
    revisionCount: fc.integer({ min: 0, max: 2 ** 52 - 1 }),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map((drawn) => ({ ...drawn, payload: new Uint8Array(drawn.payload) }));

test('what is encoded is decoded, with the chain that was announced', () => {
  fc.assert(
    fc.property(fields, fc.integer({ min: 1, max: 2 ** 50 }), (one, at) => {
      const { bytes, chain } = codec.encode(one);
      const record = codec.decode(position(at), bytes);
      const { id, chainBefore, epoch, sequence, firstRevision, revisionCount, payload } = record;
      expect({ epoch, sequence, firstRevision, revisionCount, payload }).toEqual({
        epoch: one.epoch,
        sequence: one.sequence,
        firstRevision: one.firstRevision,
        revisionCount: one.revisionCount,
        payload: one.payload,
      });
      expect([id, chainBefore, record.chain, record.position]).toEqual([one.id, one.chainBefore, chain, at]);
      const overhead = bytes.length - payload.length;
      expect(overhead >= recordHeaderBytesMin && overhead <= recordHeaderBytesMax).toBe(true);
    }),
  );
});

test('the chain is hash128 of everything behind the check: pinned, since logs outlive versions', () => {
  const { bytes, chain } = codec.encode({
    id: logId('000102030405060708090a0b0c0d0e0f'),
    chainBefore: chainBeforeFirst,
    epoch: epoch(1),
    sequence: 0,
    firstRevision: 0,
    revisionCount: 0,
    payload: new TextEncoder().encode('node-1'),
  });
  expect([...bytes.subarray(4, 21)]).toEqual([1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  expect(bytes.length).toBe(47);
  expect(chain).toBe('c1c82cc2f6b69d530fe2f43d6114b5a4');
});

test('every single changed byte, and every cut, is corrupt, with position and offset', () => {
  fc.assert(
    fc.property(fields, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (one, where, flip, cut) => {
      const { bytes } = codec.encode(one);
      const at = where % bytes.length;
      const damaged = cut ? bytes.slice(0, at) : bytes.slice();
      if (!cut) damaged[at] = (damaged[at] as number) ^ flip;
      expect(() => codec.decode(position(7), damaged)).toThrow(
        expect.objectContaining({ kind: 'corrupt', values: expect.objectContaining({ position: 7 }) }),
      );
    }),
  );
});

test('no bytes crash the decoder', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        codec.decode(position(1), new Uint8Array(bytes));
      } catch (error) {
        expect(isLockstepError(error, 'corrupt')).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('an intact header with impossible numbers is corrupt, not a crash', () => {
  const { bytes } = codec.encode({ ...sample, sequence: 3 });
  for (const numbers of [
    [0], // epoch 0
    [2, 0x80, 0], // a varint that is longer than it need be
    [2, 5, 10, 0xff, 0xff, 0xff, 0xff], // one that does not end
  ]) {
    const changed = bytes.slice();
    changed.set(numbers, 37);
    expect(() => codec.decode(position(1), resealed(changed))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
  }
  const claiming = codec.encode({ ...sample, sequence: 0, revisionCount: 2 }).bytes;
  expect(() => codec.decode(position(1), claiming)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('another format is invalid, and not taken for damage', () => {
  const { bytes } = codec.encode(sample);
  bytes[4] = 2;
  expect(() => codec.decode(position(1), resealed(bytes))).toThrow(
    expect.objectContaining({ kind: 'invalid', values: { position: 1, offset: 4, format: 2 } }),
  );
});

test('the largest payload is taken, one byte more is misuse to write and invalid to read', () => {
  const largest = { ...sample, payload: new Uint8Array(4_096) };
  const larger = { ...sample, payload: new Uint8Array(4_097) };
  expect(codec.decode(position(1), codec.encode(largest).bytes).payload).toHaveLength(4_096);
  expect(() => codec.encode(larger)).toThrow(expect.objectContaining({ kind: 'misuse' }));
  const { bytes } = new RecordCodec(5_000).encode(larger);
  expect(() => codec.decode(position(1), bytes)).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

test('revisions that cannot be counted are misuse', () => {
  for (const [firstRevision, revisionCount] of [
    [-1, 0],
    [0, 0.5],
    [2 ** 53 - 1, 1],
    [Number.NaN, 0],
  ] as const)
    expect(() => codec.encode({ ...sample, firstRevision, revisionCount })).toThrow(
      expect.objectContaining({ kind: 'misuse' }),
    );
});

test('a claim names its owner, and a release names nobody', () => {
  const claim = codec.decode(
    position(1),
    codec.encode({ ...sample, sequence: 0, revisionCount: 0, payload: ownerBytes('räuber') }).bytes,
  );
  expect([isClaim(claim), ownerOf(claim)]).toEqual([true, 'räuber']);
  const release = codec.encode({ ...sample, sequence: 0, revisionCount: 0, payload: new Uint8Array(0) }).bytes;
  expect(ownerOf(codec.decode(position(1), release))).toBeNull();
  for (const owner of ['', '\ud800', 'x'.repeat(513)])
    expect(() => ownerBytes(owner)).toThrow(expect.objectContaining({ kind: 'misuse' }));
});

const sample = {
  id: logId('f'.repeat(32)),
  chainBefore: chainBeforeFirst,
  epoch: epoch(2),
  sequence: 5,
  firstRevision: 10,
  revisionCount: 3,
  payload: new Uint8Array([1, 2, 3]),
};

/** The same bytes with the check that fits them, as a program with a bug would have written them. */
function resealed(bytes: Uint8Array): Uint8Array {
  const words = new Uint32Array(4);
  hash128(words, bytes, 4);
  putUint32(bytes, 0, words[0] as number);
  return bytes;
}

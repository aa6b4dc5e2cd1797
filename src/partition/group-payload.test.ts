import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../bytes/byte-writer.ts';
import { hybridTimestamp, type HybridTimestamp } from '../clock/timestamp.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { bytesOfTransaction, decodeGroup, fitsAlone, GroupPayload } from './group-payload.ts';

const at = (time: number): HybridTimestamp => hybridTimestamp(time) ?? expect.unreachable();
const transactions = fc.array(
  fc.record({
    step: fc.integer({ min: 1, max: 2 ** 40 }),
    batch: fc.uint8Array({ maxLength: 300 }),
    images: fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 })),
  }),
  { maxLength: 20 },
);

test('what was added is read as it was added, with its times, within the size that was foretold', () => {
  fc.assert(
    fc.property(transactions, fc.nat(), fc.maxSafeNat(), (parts, floor, start) => {
      const payload = new GroupPayload(new ByteWriter(1_000_000), floor);
      let time = Math.floor(start / 2);
      const added: { readonly time: number; readonly batch: Uint8Array; readonly images: Uint8Array | null }[] = [];
      for (const { step, batch, images } of parts) {
        const before = payload.byteLength;
        time += step;
        payload.add(at(time), batch, images);
        added.push({ time, batch, images });
        const foretold = bytesOfTransaction(batch.length, images?.length ?? 0);
        expect(payload.byteLength - before).toBeLessThanOrEqual(foretold);
        if (added.length === 1) expect(fitsAlone(foretold, payload.byteLength - 1)).toBe(false);
      }
      const decoded = decodeGroup(payload.view().slice(), parts.length);
      expect(decoded).toEqual({ floor, transactions: added });
    }),
  );
});

test('any bytes are a group or an error that says so, and nothing else', () => {
  let decodedCount = 0;
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(1, 1, 0, ...rest)),
  );
  fc.assert(
    fc.property(bytes, fc.nat({ max: 3 }), (payload, count) => {
      try {
        expect(decodeGroup(payload, count).transactions.length).toBe(count);
        decodedCount++;
      } catch (error) {
        expect(isLockstepError(error) && ['corrupt', 'invalid'].includes(error.kind)).toBe(true);
      }
    }),
    { numRuns: 5_000 },
  );
  expect(decodedCount).toBeGreaterThan(10);
});

test('each byte changed, cut or added is told, or changes what is decoded', () => {
  const payload = new GroupPayload(new ByteWriter(1_000), 7);
  payload.add(at(1_000), Uint8Array.of(1, 2, 3));
  payload.add(at(1_001), Uint8Array.of(4, 5), Uint8Array.of(6));
  const right = payload.view().slice();
  const text = (bytes: Uint8Array): string => {
    try {
      return JSON.stringify(
        decodeGroup(bytes, 2).transactions.map(({ time, batch, images }) => [time, [...batch], images && [...images]]),
      );
    } catch (error) {
      if (isLockstepError(error)) return error.kind;
      throw error;
    }
  };
  const floorAt = 2;
  for (let index = 0; index < right.length; index++) {
    const wrong = right.map((byte, place) => (place === index ? byte ^ 0x41 : byte));
    if (index !== floorAt) expect(text(wrong), `byte ${index}`).not.toBe(text(right));
    expect(text(right.slice(0, index)), `cut at ${index}`).toMatch(/corrupt|invalid/);
  }
  expect(text(Uint8Array.of(...right, 0))).toBe('corrupt');
  expect(() => decodeGroup(right, 3)).toThrow('counts other transactions');
  expect(() => decodeGroup(Uint8Array.of(2), 0)).toThrow('a format');
  expect(() => decodeGroup(Uint8Array.of(1, 2, 0), 0)).toThrow('a level');
});

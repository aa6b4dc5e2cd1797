import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { applyBatch, WriteBatch } from './write-batch.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (from: Uint8Array, start = 0, end = from.length): string =>
  new TextDecoder().decode(from.slice(start, end));

function writesOf(encoded: Uint8Array): string[] {
  const writes: string[] = [];
  applyBatch(encoded, {
    put: (from, keyStart, keyEnd, start, end) =>
      writes.push(`put ${text(from, keyStart, keyEnd)} ${text(from, start, end)}`),
    delete: (from, start, end) => writes.push(`delete ${text(from, start, end)}`),
    deleteRange: (start, end) => writes.push(`delete ${text(start)} to ${text(end)}`),
  });
  return writes;
}

test('what was written comes back in its order', () => {
  const batch = new WriteBatch().put(bytes('a'), bytes('one')).delete(bytes('b')).deleteRange(bytes('c'), bytes('d'));
  batch.put(bytes(''), bytes(''));
  expect(batch.count).toBe(4);
  expect(writesOf(batch.view())).toEqual(['put a one', 'delete b', 'delete c to d', 'put  ']);
  batch.clear();
  expect([batch.count, writesOf(batch.view())]).toEqual([0, []]);
});

test('a batch cut short anywhere within a write is corrupt, with the offset', () => {
  const encoded = new WriteBatch().put(bytes('key'), bytes('value')).view();
  for (let length = 1; length < encoded.length; length++) {
    const failure = expect(() => writesOf(encoded.slice(0, length)));
    failure.toThrow(expect.objectContaining({ kind: 'corrupt' }));
  }
  expect(() => writesOf(Uint8Array.of(9, 0, 0))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('what is too large or the wrong way round is misuse and changes nothing', () => {
  const batch = new WriteBatch().put(bytes('a'), bytes('one'));
  const wrong: (() => unknown)[] = [
    () => batch.put(new Uint8Array(4_097), bytes('')),
    () => batch.put(bytes('a'), new Uint8Array(8 * 1024 * 1024 + 1)),
    () => batch.delete(new Uint8Array(4_097)),
    () => batch.deleteRange(bytes('b'), bytes('b')),
    () => batch.deleteRange(bytes('b'), bytes('a')),
  ];
  for (const write of wrong) expect(write).toThrow(expect.objectContaining({ kind: 'misuse' }));
  expect(writesOf(batch.view())).toEqual(['put a one']);
});

test('a batch over its limit is refused and stays as it was', () => {
  const batch = new WriteBatch();
  const value = new Uint8Array(8 * 1024 * 1024);
  batch.put(bytes('a'), value);
  let failure: unknown;
  try {
    batch.put(bytes('b'), value);
  } catch (error) {
    failure = error;
  }
  expect(isLockstepError(failure, 'invalid')).toBe(true);
  expect(batch.count).toBe(1);
});

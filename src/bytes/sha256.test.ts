import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hexOf, HmacSha256, Sha256 } from './sha256.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array): string => hexOf(new Sha256().update(bytes).digest());

test('the examples of FIPS 180-4 and of RFC 4231', () => {
  expect(sha256(bytesOf('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(sha256(bytesOf('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'))).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  );
  expect(sha256(new Uint8Array(0))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(hexOf(new HmacSha256(bytesOf('Jefe')).update(bytesOf('what do ya want for nothing?')).digest())).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});

test('every length around the blocks gives what node:crypto gives', () => {
  for (let length = 0; length < 260; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => index * 7 + length);
    expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

test('in whatever pieces it comes the hash is the same, with a key or without', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
      fc.uint8Array({ maxLength: 100 }),
      (pieces, key) => {
        const [plain, keyed] = [new Sha256(), new HmacSha256(key)];
        const [expected, expectedKeyed] = [createHash('sha256'), createHmac('sha256', key)];
        for (const piece of pieces) {
          for (const hash of [plain, keyed, expected, expectedKeyed]) hash.update(piece);
        }
        expect(hexOf(plain.digest())).toBe(expected.digest('hex'));
        expect(hexOf(keyed.digest())).toBe(expectedKeyed.digest('hex'));
      },
    ),
  );
});

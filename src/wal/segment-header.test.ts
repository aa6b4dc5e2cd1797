import { expect, test } from 'vitest';
import { crc32c } from '../bytes/crc32c.ts';
import { putUint32 } from '../bytes/little-endian.ts';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  originBytesMax,
  segmentHeaderBytes,
  type SegmentHeader,
} from './segment-header.ts';

const header: SegmentHeader = {
  journalId: Uint8Array.from({ length: 16 }, (_, index) => index),
  number: 2 ** 40,
  seed: 0xfedc_ba98,
  firstGroup: 2 ** 53 - 1,
  firstPosition: 7,
  previousEnd: 0xffff_fe00,
  segmentBytes: 64 * 1024 * 1024,
  groupBytesMax: 4 * 1024 * 1024,
  origin: new Uint8Array(originBytesMax).fill(9),
};

test('a header reads back as it was written', () => {
  const bytes = encodeSegmentHeader(header);
  expect(bytes.length).toBe(segmentHeaderBytes);
  expect(decodeSegmentHeader(bytes, 'x')).toEqual(header);
  expect(decodeSegmentHeader(encodeSegmentHeader({ ...header, origin: new Uint8Array(0) }), 'x').origin.length).toBe(0);
});

test('whatever bit is flipped, and wherever it ends too early, it is corrupt and names the file', () => {
  const bytes = encodeSegmentHeader(header);
  for (let at = 0; at < bytes.length; at += at < 100 ? 1 : 97) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] as number) ^ 4;
    const expected = expect.objectContaining({ kind: 'corrupt', values: { path: 'a/b', offset: 0 } });
    expect(() => decodeSegmentHeader(damaged, 'a/b')).toThrow(expected);
    expect(() => decodeSegmentHeader(bytes.subarray(0, at), 'a/b')).toThrow(expected);
  }
});

test('a later version of the format is refused as such, by what no version changes', () => {
  const bytes = encodeSegmentHeader(header);
  putUint32(bytes, 8, 2);
  putUint32(bytes, 12, crc32c(bytes, 0, 12));
  bytes.fill(1, 16);
  expect(() => decodeSegmentHeader(bytes, 'x')).toThrow(
    expect.objectContaining({ kind: 'invalid', values: { path: 'x', offset: 8, version: 2, supported: 1 } }),
  );
});

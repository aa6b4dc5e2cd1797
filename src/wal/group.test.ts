import { expect, test } from 'vitest';
import { FormingGroup, FormingGroups, payloadBytesOf } from './forming-groups.ts';
import { xxHash32 } from '../bytes/xxhash32.ts';
import { encodeGroupHeader, groupBytes, groupHeaderBytes, readGroup, sectorBytes, type GroupHeader } from './group.ts';

const seed = 4_711;

function written(): { readonly bytes: Uint8Array; readonly header: GroupHeader } {
  const group = new FormingGroup('data', 9, new Uint8Array(8));
  const entries = [new Uint8Array(0), new Uint8Array(500).fill(1), new Uint8Array(3).fill(2)];
  group.add(entries, payloadBytesOf(entries));
  const bytes = group.whole();
  const header: GroupHeader = {
    kind: 'data',
    number: 2 ** 45,
    offset: 8_192,
    payloadBytes: group.payloadBytes,
    entryCount: 3,
    payloadChecksum: xxHash32(bytes, groupHeaderBytes, group.length, seed),
    firstPosition: 9,
    durableUpTo: 8,
    unsynced: 3,
  };
  encodeGroupHeader(bytes, header, seed);
  return { bytes, header };
}

test('a group is whole sectors and reads back as it was written', () => {
  const { bytes, header } = written();
  expect(bytes.length).toBe(groupBytes(header.payloadBytes));
  expect(bytes.length % sectorBytes).toBe(0);
  expect(readGroup(bytes, 0, bytes.length, 8_192, seed)).toEqual({ kind: 'group', header });
});

test('whatever bit of it is flipped, it is no group', () => {
  const { bytes, header } = written();
  for (let at = 0; at < groupHeaderBytes + header.payloadBytes; at++) {
    for (const mask of [1, 128]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ mask;
      expect(readGroup(damaged, 0, damaged.length, 8_192, seed).kind).toBe(at < groupHeaderBytes ? 'none' : 'damaged');
    }
  }
});

test('under the seed of another segment, or at another offset, it is no group', () => {
  const { bytes } = written();
  expect(readGroup(bytes, 0, bytes.length, 8_192, seed + 1)).toEqual({ kind: 'none' });
  expect(readGroup(bytes, 0, bytes.length, 8_704, seed)).toEqual({ kind: 'none' });
});

test('of a group that goes on past the bytes its header is told', () => {
  const { bytes, header } = written();
  expect(readGroup(bytes, 0, sectorBytes, 8_192, seed)).toEqual({ kind: 'incomplete', header });
  expect(readGroup(bytes, 0, groupHeaderBytes - 1, 8_192, seed)).toEqual({ kind: 'none' });
});

test('appends gather in one group up to its limit, and never across a cut', () => {
  const groups = new FormingGroups(100);
  const first = groups.forEntries(60, 1);
  first.add([new Uint8Array(59)], 60);
  expect(groups.forEntries(40, 2)).toBe(first);
  expect(groups.forEntries(41, 2)).not.toBe(first);
  const cut = groups.push('cut', 2);
  expect(groups.forEntries(1, 2)).not.toBe(cut);
  expect([groups.shift(), groups.count]).toEqual([first, 3]);
});

test('an entry that is written in place is as one that is copied, behind what was there before its buffer grew', () => {
  const [copied, inPlace] = [0, 1].map(() => new FormingGroup('data', 1, new Uint8Array(8)));
  const entries = [3, 1_000, 0, 70_000].map((length, index) => new Uint8Array(length).fill(index + 1));
  for (const entry of entries) {
    copied?.add([entry], payloadBytesOf([entry]));
    inPlace?.addWritten(entry.length, (into, at) => into.set(entry, at));
  }
  expect(inPlace?.whole()).toEqual(copied?.whole());
  expect([inPlace?.entryCount, inPlace?.payloadBytes]).toEqual([4, payloadBytesOf(entries)]);
});

test('of the buffers of groups that are done two serve again', () => {
  const groups = new FormingGroups(100_000);
  const made = [1, 2, 3].map((at) => groups.push('mark', at));
  for (const group of made) groups.done(group);
  const next = [4, 5, 6].map((at) => groups.push('mark', at).buffer);
  expect(next.filter((buffer) => made.some((group) => group.buffer === buffer))).toHaveLength(2);
});

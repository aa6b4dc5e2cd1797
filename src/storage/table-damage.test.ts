/** Files of tables that are not what was written: told with file and offset, or harmless; never read as data. */
import { describe, expect, test } from 'vitest';
import { buildTable, inWorld, randomVersions } from '../../test/models/tables.ts';
import { plain, walk, type Version } from '../../test/models/versions.ts';
import type { Disk, DiskFile } from '../env/disk.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { SeededRandom } from '../kernel/random.ts';
import { BlockCache } from './block-cache.ts';
import { openTable } from './table.ts';
import { verifyTable } from './table-verify.ts';

const number = 77;
const ranges = [{ start: Uint8Array.of(5), end: Uint8Array.of(9), revision: 2 }];

/** Null: the whole table was read and is right. Else where the damage was said to be. */
async function read(disk: Disk, versions: readonly Version[], cached: boolean): Promise<number | null> {
  try {
    const table = await openTable(disk, 't', { number, cache: new BlockCache(0, 512) });
    try {
      expect(walk(cached ? table.cursor() : table.sweep(), 'next', 'first')).toEqual(versions.map(plain));
      expect(table.rangeTombstones.list).toEqual(ranges);
      return null;
    } finally {
      table.close();
    }
  } catch (error) {
    if (!isLockstepError(error) || error.values['path'] !== 't') throw error;
    // A byte of the version alone cannot pass for another version: it has a checksum.
    expect(error.kind).toBe('corrupt');
    return Number(error.values['offset']);
  }
}

function withByte(file: DiskFile, at: number, mask: number): () => void {
  const byte = new Uint8Array(1);
  file.read(byte, at);
  const before = byte.slice();
  file.write(
    byte.map((value) => value ^ mask),
    at,
  );
  return () => file.write(before, at);
}

describe('a table with', () => {
  test('any byte changed tells it, at or before the place', async () => {
    await inWorld(async ({ disk }) => {
      const random = new SeededRandom('bytes');
      const versions = randomVersions(random.fork('3')).slice(0, 40);
      const { fileBytes } = await buildTable(disk, 't', versions, { number, blockBytes: 512 }, ranges);
      expect(await read(disk, versions, true)).toBeNull();
      const file = disk.open('t', 'write') ?? expect.unreachable();
      for (let at = 0; at < fileBytes; at++) {
        const undo = withByte(file, at, 1 << random.below(8));
        const told = await read(disk, versions, at % 2 === 0);
        expect(told, `byte ${at}`).not.toBeNull();
        expect(told).toBeLessThanOrEqual(at);
        const { damages } = await verifyTable(disk, 't', { number, cache: null });
        expect(damages.map(({ offset }) => offset)).toEqual([told]);
        undo();
      }
      expect(await read(disk, versions, true)).toBeNull();
    });
  });

  test('its end cut off at any length, or something behind it, tells it', async () => {
    await inWorld(async ({ disk }) => {
      const versions = randomVersions(new SeededRandom('cut')).slice(0, 60);
      const { fileBytes } = await buildTable(disk, 't', versions, { number, blockBytes: 512 }, ranges);
      const file = disk.open('t', 'write') ?? expect.unreachable();
      const whole = new Uint8Array(fileBytes);
      file.read(whole, 0);
      file.truncate(fileBytes + 1);
      expect(await read(disk, versions, true)).not.toBeNull();
      for (let size = fileBytes - 1; size >= 0; size--) {
        file.truncate(size);
        expect(await read(disk, versions, true), `cut at ${size}`).not.toBeNull();
      }
      file.write(whole, 0);
      expect(await read(disk, versions, true)).toBeNull();
      await disk.remove('t');
      expect(await read(disk, versions, true)).toBe(0);
    });
  });

  test('bits flipped in any larger file tells it, and verifying names every damaged block', async () => {
    await inWorld(async ({ disk }) => {
      for (let seed = 0; seed < 20; seed++) {
        const random = new SeededRandom(seed);
        const versions = randomVersions(random);
        const { fileBytes, dataBytes } = await buildTable(disk, 't', versions, { number, blockBytes: 512 }, ranges);
        const file = disk.open('t', 'write') ?? expect.unreachable();
        const places = Array.from({ length: 1 + random.below(4) }, () => random.below(fileBytes));
        const undo = places.map((at) => withByte(file, at, 1 << random.below(8)));
        const told = await read(disk, versions, random.chance(0.5));
        const { damages } = await verifyTable(disk, 't', { number, cache: null });
        const isSame = (await read(disk, versions, true)) === null;
        // Two flips at one place may be none.
        expect(told === null).toBe(isSame);
        expect(damages.length === 0).toBe(isSame);
        if (!isSame && places.every((at) => at < dataBytes)) {
          for (const at of places.filter((place, index) => places.indexOf(place) === index)) {
            const touched = damages.some(({ offset }) => offset <= at && at - offset < 10_000);
            expect(touched || places.length > 1, `byte ${at}`).toBe(true);
          }
        }
        for (const back of undo.toReversed()) back();
        expect(await read(disk, versions, true)).toBeNull();
        file.close();
        await disk.remove('t');
      }
    });
  });

  test('a block of another table, or from another place of it, tells it', async () => {
    await inWorld(async ({ disk }) => {
      const versions = Array.from({ length: 60 }, (_, at) => ({
        key: Uint8Array.of(at),
        revision: 1,
        value: new Uint8Array(40).fill(at),
      }));
      await buildTable(disk, 't', versions, { number, blockBytes: 512 });
      await buildTable(disk, 'other', versions, { number: number + 1, blockBytes: 512 });
      const table = await openTable(disk, 't', { number, cache: null });
      const [first, second] = [table.index.offsets[1] as number, table.index.offsets[2] as number];
      expect(second - first).toBe(first); // the two have one size
      table.close();
      const [file, other] = ['t', 'other'].map((path) => disk.open(path, 'write') ?? expect.unreachable());
      const [mine, theirs] = [new Uint8Array(first), new Uint8Array(first)];
      file?.read(mine, 0);
      other?.read(theirs, 0);
      file?.write(theirs, 0);
      expect(await read(disk, versions, true)).toBe(0);
      file?.write(mine, 0);
      file?.write(mine, first);
      expect(await read(disk, versions, true)).toBe(first);
      await expect(openTable(disk, 'other', { number, cache: null })).rejects.toMatchObject({
        kind: 'corrupt',
        values: { path: 'other', number, found: number + 1 },
      });
    });
  });

  test('another version of the format, or a codec that is not there, is invalid', async () => {
    await inWorld(async ({ disk }) => {
      const versions = [{ key: Uint8Array.of(1), revision: 1, value: new Uint8Array(300) }];
      const codec = { name: 'none', compress: (bytes: Uint8Array) => bytes, decompress: (bytes: Uint8Array) => bytes };
      await buildTable(disk, 't', versions, { number, codec });
      await expect(openTable(disk, 't', { number, cache: null })).rejects.toMatchObject({
        kind: 'invalid',
        values: { path: 't', codec: 'none' },
      });
    });
  });
});

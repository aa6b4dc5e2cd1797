/**
 * The contract of an open file: its bytes, its size, `sync`, and what `close` does to all of them.
 */
import { describe, expect } from 'vitest';
import type { Disk, DiskFile } from '../../../src/env/disk.ts';
import { bytesOf, bytesOfText, claimsIn, kindOf, textOf, type Claim, type World } from './world.ts';

export function diskFileContract(name: string, world: World): void {
  describe(`${name} keeps the contract of DiskFile`, () => {
    const claim = claimsIn(world);
    readClaims(claim);
    writeClaims(claim);
    syncClaims(claim);
    closeClaims(claim);
  });
}

function readClaims(claim: Claim): void {
  claim('read and load fill from a position on, and less than asked only at the end', async ({ disk }) => {
    const file = put(disk, 'a', '0123456789');
    for (const read of [file.read.bind(file), file.load.bind(file)]) {
      const into = bytesOfText('....');
      expect(await read(into, 3)).toBe(4);
      expect(textOf(into)).toBe('3456');
      expect(await read(into, 8)).toBe(2);
      expect(textOf(into)).toBe('8956');
    }
  });

  claim('read and load at or past the end give nothing', async ({ disk }) => {
    const file = put(disk, 'a', 'abc');
    const into = bytesOf(7, 7);
    expect([file.read(into, 3), file.read(into, 1_000), await file.load(into, 3)]).toEqual([0, 0, 0]);
    expect(into).toEqual(bytesOf(7, 7));
  });

  claim('read and load fill a part of a larger array, and nothing beside it', async ({ disk }) => {
    const file = put(disk, 'a', 'abcdef');
    const whole = bytesOfText('......');
    expect(file.read(whole.subarray(1, 3), 0)).toBe(2);
    expect(await file.load(whole.subarray(4, 5), 5)).toBe(1);
    expect(textOf(whole)).toBe('.ab.f.');
  });

  claim('what is large comes back whole', async ({ disk }) => {
    const file = create(disk, 'a');
    const bytes = Uint8Array.from({ length: 1_000_003 }, (_, index) => (index * 31) % 251);
    file.write(bytes, 0);
    expect(file.size()).toBe(bytes.length);
    const [read, loaded] = [new Uint8Array(bytes.length), new Uint8Array(bytes.length)];
    expect([file.read(read, 0), await file.load(loaded, 0)]).toEqual([bytes.length, bytes.length]);
    expect(read.every((byte, index) => byte === bytes[index])).toBe(true);
    expect(loaded.every((byte, index) => byte === bytes[index])).toBe(true);
  });
}

function writeClaims(claim: Claim): void {
  claim('write takes a copy', async ({ disk }) => {
    const file = create(disk, 'a');
    const bytes = bytesOf(1, 2, 3);
    file.write(bytes, 0);
    bytes.fill(9);
    await file.sync();
    expect(contentOf(file)).toEqual(bytesOf(1, 2, 3));
  });

  claim('write replaces what is there and leaves the rest', async ({ disk }) => {
    const file = put(disk, 'a', 'abcdef');
    file.write(bytesOfText('XY'), 2);
    file.write(bytesOfText('Z!'), 5);
    expect(textOf(contentOf(file))).toBe('abXYeZ!');
  });

  claim('past the end the gap reads as zeros', async ({ disk }) => {
    const file = put(disk, 'a', 'ab');
    file.write(bytesOf(9), 5_000);
    expect(file.size()).toBe(5_001);
    const content = contentOf(file);
    expect(content.subarray(0, 3)).toEqual(bytesOf(97, 98, 0));
    expect(content.subarray(2, 5_000).every((byte) => byte === 0)).toBe(true);
    expect(content[5_000]).toBe(9);
  });

  claim('truncate cuts, and fills with zeros, never with what was there before', async ({ disk }) => {
    const file = put(disk, 'a', 'abcdef');
    file.truncate(2);
    expect(textOf(contentOf(file))).toBe('ab');
    file.truncate(4);
    expect(contentOf(file)).toEqual(bytesOf(97, 98, 0, 0));
    file.truncate(0);
    expect(file.size()).toBe(0);
  });

  claim('a position is a whole number of at least 0, or it is misuse', async ({ disk }) => {
    const file = put(disk, 'a', 'abc');
    for (const position of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(await kindOf(() => file.write(bytesOf(1), position))).toBe('misuse');
      expect(await kindOf(() => file.read(bytesOf(1), position))).toBe('misuse');
      expect(await kindOf(() => file.load(bytesOf(1), position))).toBe('misuse');
      expect(await kindOf(() => file.truncate(position))).toBe('misuse');
    }
    expect(textOf(contentOf(file))).toBe('abc');
  });
}

function syncClaims(claim: Claim): void {
  claim('sync and syncDirectory resolve, also many at once and in between writes', async ({ disk }) => {
    disk.makeDirectory('d');
    const file = create(disk, 'd/a');
    const syncs: Promise<void>[] = [];
    for (let index = 0; index < 20; index++) {
      file.write(bytesOf(index), index);
      syncs.push(file.sync());
    }
    await Promise.all([...syncs, disk.syncDirectory(''), disk.syncDirectory('d')]);
    expect(contentOf(file)).toEqual(Uint8Array.from({ length: 20 }, (_, index) => index));
  });

  claim('syncDirectory of what is not there is disk-failed', async ({ disk }) => {
    expect(await kindOf(() => disk.syncDirectory('no'))).toBe('disk-failed');
  });
}

function closeClaims(claim: Claim): void {
  claim('every call after close is misuse; a second close is harmless', async ({ disk }) => {
    const file = put(disk, 'a', 'abc');
    file.close();
    file.close();
    const calls = [
      () => file.read(bytesOf(0), 0),
      () => file.load(bytesOf(0), 0),
      () => file.write(bytesOf(0), 0),
      () => file.truncate(0),
      () => file.size(),
      () => file.sync(),
    ];
    for (const call of calls) expect(await kindOf(call)).toBe('misuse');
    expect(textAt(disk, 'a')).toBe('abc');
  });

  claim('what was under way when a file was closed still ends', async ({ disk }) => {
    const file = put(disk, 'a', 'abc');
    const into = bytesOfText('...');
    const underWay = [file.load(into, 0), file.sync(), file.sync()] as const;
    file.close();
    expect(await Promise.all(underWay)).toEqual([3, undefined, undefined]);
    expect(textOf(into)).toBe('abc');
  });
}

export function create(disk: Disk, path: string): DiskFile {
  return open(disk, path, 'create');
}

export function open(disk: Disk, path: string, mode: 'read' | 'write' | 'create'): DiskFile {
  const file = disk.open(path, mode);
  if (file === null) throw new Error(`no file: ${mode} ${path}`);
  return file;
}

export function put(disk: Disk, path: string, text: string): DiskFile {
  const file = create(disk, path);
  file.write(bytesOfText(text), 0);
  return file;
}

export function contentOf(file: DiskFile): Uint8Array {
  const content = new Uint8Array(file.size());
  expect(file.read(content, 0)).toBe(content.length);
  return content;
}

export function textAt(disk: Disk, path: string): string {
  return textOf(contentOf(open(disk, path, 'read')));
}

/**
 * The contract of the disk port, as far as it can be checked without a crash: names and paths here, what is inside a
 * file in `disk-file.ts`. What survives a crash is checked by the simulator's own tests and by `test/chaos/disk.int.test.ts`.
 */
import { describe, expect } from 'vitest';
import type { Disk } from '../../../src/env/disk.ts';
import { isLockstepError } from '../../../src/kernel/errors.ts';
import { contentOf, create, open, put, textAt } from './disk-file.ts';
import { bytesOf, bytesOfText, claimsIn, failureOf, kindOf, textOf, type Claim, type World } from './world.ts';

export function diskContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Disk`, () => {
    const claim = claimsIn(world);
    openClaims(claim);
    nameClaims(claim);
    directoryClaims(claim);
    renameDirectoryClaims(claim);
    removeClaims(claim);
    pathClaims(claim);
  });
}

function openClaims(claim: Claim): void {
  claim('create gives a new, empty file, to be read and written', async ({ disk }) => {
    const file = create(disk, 'a');
    expect(file.path).toBe('a');
    expect(file.size()).toBe(0);
    file.write(bytesOf(1, 2, 3), 0);
    expect(contentOf(file)).toEqual(bytesOf(1, 2, 3));
  });

  claim('create answers null when the name is taken, and harms nothing', async ({ disk }) => {
    put(disk, 'a', 'kept');
    disk.makeDirectory('d');
    expect(disk.open('a', 'create')).toBeNull();
    expect(disk.open('d', 'create')).toBeNull();
    expect(textAt(disk, 'a')).toBe('kept');
  });

  claim('of many who create one name, one gets it', async ({ disk }) => {
    const opened = await Promise.all(Array.from({ length: 10 }, async () => disk.open('a', 'create')));
    expect(opened.filter((file) => file !== null)).toHaveLength(1);
  });

  claim('read and write answer null when there is no such file', async ({ disk }) => {
    expect(disk.open('a', 'read')).toBeNull();
    expect(disk.open('a', 'write')).toBeNull();
    expect(disk.list('')).toEqual([]);
  });

  claim('write opens what is there, without emptying it, and reads too', async ({ disk }) => {
    put(disk, 'a', 'abc');
    const file = open(disk, 'a', 'write');
    file.write(bytesOfText('X'), 1);
    expect(textOf(contentOf(file))).toBe('aXc');
  });

  claim('a file opened to read shows what another handle writes', async ({ disk }) => {
    const writing = create(disk, 'a');
    const reading = open(disk, 'a', 'read');
    writing.write(bytesOfText('abc'), 0);
    expect(textOf(contentOf(reading))).toBe('abc');
    expect(reading.size()).toBe(3);
  });

  claim('a file opened to read refuses to be changed', async ({ disk }) => {
    put(disk, 'a', 'abc');
    const file = open(disk, 'a', 'read');
    expect(await kindOf(() => file.write(bytesOf(1), 0))).toBe('misuse');
    expect(await kindOf(() => file.truncate(0))).toBe('misuse');
    expect(textAt(disk, 'a')).toBe('abc');
  });

  claim('a missing directory on the way is disk-failed, and names the path', async ({ disk }) => {
    for (const mode of ['read', 'write', 'create'] as const) {
      const failure = await failureOf(() => disk.open('no/a', mode));
      expect(isLockstepError(failure, 'disk-failed') && failure.values).toMatchObject({ path: 'no/a' });
    }
  });
}

function nameClaims(claim: Claim): void {
  claim('rename gives the file a new name, in place of whatever file has it', async ({ disk }) => {
    put(disk, 'a', 'new');
    put(disk, 'b', 'old');
    disk.rename('a', 'b');
    expect(namesIn(disk, '')).toEqual(['b']);
    expect(textAt(disk, 'b')).toBe('new');
  });

  claim('rename moves between directories', async ({ disk }) => {
    disk.makeDirectory('from');
    disk.makeDirectory('to');
    put(disk, 'from/a', 'moved');
    disk.rename('from/a', 'to/b');
    expect([namesIn(disk, 'from'), namesIn(disk, 'to')]).toEqual([[], ['b']]);
    expect(textAt(disk, 'to/b')).toBe('moved');
  });

  claim('whoever has a file open keeps it when it is renamed, or when another takes its name', async ({ disk }) => {
    const [renamed, replaced] = [create(disk, 'a'), create(disk, 'b')];
    renamed.write(bytesOfText('a'), 0);
    replaced.write(bytesOfText('b'), 0);
    disk.rename('a', 'b');
    renamed.write(bytesOfText('!'), 1);
    expect(textOf(contentOf(replaced))).toBe('b');
    expect(textAt(disk, 'b')).toBe('a!');
  });

  claim('rename to its own name changes nothing', async ({ disk }) => {
    put(disk, 'a', 'same');
    disk.rename('a', 'a');
    expect(textAt(disk, 'a')).toBe('same');
  });

  claim('rename of what is not there is disk-failed', async ({ disk }) => {
    put(disk, 'b', 'kept');
    expect(await kindOf(() => disk.rename('a', 'b'))).toBe('disk-failed');
    expect(textAt(disk, 'b')).toBe('kept');
  });

  claim('rename from one name of a file to another leaves one', async ({ disk }) => {
    put(disk, 'a', 'one file');
    disk.link('a', 'b');
    disk.rename('a', 'b');
    expect(namesIn(disk, '')).toEqual(['b']);
    expect(textAt(disk, 'b')).toBe('one file');
  });

  claim('link gives a second name: the file stays until both are removed', async ({ disk }) => {
    put(disk, 'a', 'shared');
    expect(disk.link('a', 'b')).toBe('linked');
    await disk.remove('a');
    expect(textAt(disk, 'b')).toBe('shared');
  });

  claim('link answers taken when the name is, and harms nothing', async ({ disk }) => {
    put(disk, 'a', 'a');
    put(disk, 'b', 'b');
    expect(disk.link('a', 'b')).toBe('taken');
    expect(textAt(disk, 'b')).toBe('b');
  });

  claim('link to what is not there is disk-failed', async ({ disk }) => {
    expect(await kindOf(() => disk.link('a', 'b'))).toBe('disk-failed');
    expect(disk.stat('b')).toBeNull();
  });
}

function directoryClaims(claim: Claim): void {
  claim('list is sorted by name, with kinds and sizes', async ({ disk }) => {
    for (const name of ['b', 'a10', 'a9', 'B', 'é']) put(disk, name, name);
    disk.makeDirectory('c');
    expect(disk.list('')).toEqual([
      { name: 'B', kind: 'file', size: 1 },
      { name: 'a10', kind: 'file', size: 3 },
      { name: 'a9', kind: 'file', size: 2 },
      { name: 'b', kind: 'file', size: 1 },
      { name: 'c', kind: 'directory', size: 0 },
      { name: 'é', kind: 'file', size: 2 },
    ]);
  });

  claim('list shows one directory, not what is below it', async ({ disk }) => {
    disk.makeDirectory('a/b');
    put(disk, 'a/file', '');
    put(disk, 'a/b/deep', '');
    expect([namesIn(disk, ''), namesIn(disk, 'a'), namesIn(disk, 'a/b')]).toEqual([['a'], ['b', 'file'], ['deep']]);
  });

  claim('list answers null where there is no directory', async ({ disk }) => {
    put(disk, 'file', '');
    expect([disk.list('no'), disk.list('no/deep'), disk.list('file')]).toEqual([null, null, null]);
  });

  claim('stat tells files, directories and nothing apart', async ({ disk }) => {
    disk.makeDirectory('d');
    put(disk, 'd/file', 'four');
    expect(disk.stat('d/file')).toEqual({ name: 'file', kind: 'file', size: 4 });
    expect(disk.stat('d')).toEqual({ name: 'd', kind: 'directory', size: 0 });
    expect([disk.stat('no'), disk.stat('no/file'), disk.stat('d/file/no')]).toEqual([null, null, null]);
  });

  claim('makeDirectory makes those above it, and says whether it was there', async ({ disk }) => {
    expect(disk.makeDirectory('a/b/c')).toBe('made');
    expect(disk.makeDirectory('a/b/c')).toBe('existed');
    expect(disk.makeDirectory('a')).toBe('existed');
    expect(disk.makeDirectory('a/b/d')).toBe('made');
    expect(namesIn(disk, 'a/b')).toEqual(['c', 'd']);
  });

  claim('makeDirectory where a file is in the way is disk-failed', async ({ disk }) => {
    put(disk, 'file', '');
    expect(await kindOf(() => disk.makeDirectory('file'))).toBe('disk-failed');
    expect(await kindOf(() => disk.makeDirectory('file/below'))).toBe('disk-failed');
  });
}

function renameDirectoryClaims(claim: Claim): void {
  claim('a directory is not renamed, and stays as it was', async ({ disk }) => {
    disk.makeDirectory('d');
    put(disk, 'd/a', 'kept');
    expect(await kindOf(() => disk.rename('d', 'e'))).toBe('disk-failed');
    expect(textAt(disk, 'd/a')).toBe('kept');
    expect(disk.stat('e')).toBeNull();
  });
}

function removeClaims(claim: Claim): void {
  claim('remove removes a file, and the name is free again', async ({ disk }) => {
    put(disk, 'a', 'old');
    expect(await disk.remove('a')).toBe('removed');
    expect(disk.stat('a')).toBeNull();
    expect(create(disk, 'a').size()).toBe(0);
  });

  claim('remove answers absent when there is nothing', async ({ disk }) => {
    expect(await disk.remove('a')).toBe('absent');
    expect(await disk.remove('no/a')).toBe('absent');
  });

  claim('remove removes an empty directory; a full one is disk-failed and stays', async ({ disk }) => {
    disk.makeDirectory('empty');
    disk.makeDirectory('full');
    put(disk, 'full/a', '');
    expect(await disk.remove('empty')).toBe('removed');
    expect(await kindOf(() => disk.remove('full'))).toBe('disk-failed');
    expect(namesIn(disk, 'full')).toEqual(['a']);
  });

  claim('whoever has a removed file open keeps it', async ({ disk }) => {
    const file = create(disk, 'a');
    file.write(bytesOfText('still'), 0);
    await disk.remove('a');
    file.write(bytesOfText(' here'), 5);
    expect(textOf(contentOf(file))).toBe('still here');
    await file.sync();
    file.close();
    expect(disk.stat('a')).toBeNull();
  });
}

function pathClaims(claim: Claim): void {
  const wrong = ['/', '/a', '.', '..', '../a', 'a/..', 'a/./b', 'a/', 'a//b', 'a\0b', 'a\\b', '..\\a', '\ud800'];

  claim('a path that is not names with `/` between them is misuse', async ({ disk }) => {
    put(disk, 'a', 'kept');
    for (const path of wrong) {
      expect([path, await kindOf(() => disk.open(path, 'create'))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.list(path))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.stat(path))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.makeDirectory(path))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.rename('a', path))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.rename(path, 'a'))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.link('a', path))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.remove(path))]).toEqual([path, 'misuse']);
      expect([path, await kindOf(() => disk.syncDirectory(path))]).toEqual([path, 'misuse']);
    }
    expect(disk.list('')).toEqual([{ name: 'a', kind: 'file', size: 4 }]);
  });

  claim('the root is a directory, and no file', async ({ disk }) => {
    expect(disk.makeDirectory('')).toBe('existed');
    expect(disk.stat('')).toEqual({ name: '', kind: 'directory', size: 0 });
    expect(await kindOf(() => disk.open('', 'create'))).toBe('misuse');
    expect(await kindOf(() => disk.remove(''))).toBe('misuse');
  });

  claim('dots inside a name, blanks and letters of any script are names', async ({ disk }) => {
    for (const name of ['...', '.hidden', 'a b', 'a..b', '日本', '🔒']) {
      put(disk, name, name);
      expect(textAt(disk, name)).toBe(name);
    }
  });
}

const namesIn = (disk: Disk, directory: string): readonly string[] | undefined =>
  disk.list(directory)?.map((entry) => entry.name);

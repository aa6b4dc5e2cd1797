/**
 * What the contract of the disk cannot ask for on a healthy disk: refusals of the system and how they are told, and a
 * sync that fails. Linux offers a file that is always full, and that refuses fdatasync: `/dev/full`.
 */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DiskFile } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { diskError } from './disk-errors.ts';
import { HostDisk } from './disk.ts';

let root: string;
let disk: HostDisk;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
  disk = new HostDisk(root);
});
afterEach(() => {
  disk.close();
  rmSync(root, { recursive: true });
});

function failureOf(call: () => unknown): LockstepError {
  try {
    call();
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

function openFull(): DiskFile {
  symlinkSync('/dev/full', join(root, 'full'));
  const file = disk.open('full', 'write');
  if (file === null) throw new Error('/dev/full is not there');
  return file;
}

const onLinux = test.skipIf(process.platform !== 'linux');

onLinux('a full disk is disk-full, with path, place and cause', () => {
  const file = openFull();
  const failure = failureOf(() => file.write(new Uint8Array(3), 40));
  expect(failure).toMatchObject({
    kind: 'disk-full',
    happened: 'unknown',
    values: { path: 'full', offset: 40, call: 'write', code: 'ENOSPC' },
  });
  expect(failure.cause).toMatchObject({ code: 'ENOSPC' });
});

onLinux('after a failed sync every later one of this file fails with it', async () => {
  const file = openFull();
  const first = await file.sync().catch((error: unknown) => error);
  expect(first).toMatchObject({ kind: 'disk-failed', values: { path: 'full', call: 'fdatasync', code: 'EINVAL' } });
  await expect(file.sync()).rejects.toBe(first);
});

onLinux('of syncs that are asked for together none succeeds when one fails', async () => {
  const file = openFull();
  const outcomes = await Promise.allSettled([file.sync(), file.sync(), file.sync()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});

test('what the system refuses otherwise is disk-failed, with its code', () => {
  const name = 'x'.repeat(300);
  expect(failureOf(() => disk.open(name, 'create'))).toMatchObject({
    kind: 'disk-failed',
    values: { path: name, call: 'open' },
  });
  disk.makeDirectory('d');
  for (const mode of ['read', 'write'] as const) {
    expect(failureOf(() => disk.open('d', mode))).toMatchObject({
      kind: 'disk-failed',
      values: { path: 'd', code: 'EISDIR' },
    });
  }
});

test('no quota is disk-full, an error of the drive is disk-failed', () => {
  const refusal = (code: string): unknown => Object.assign(new Error(code), { code });
  expect(diskError(refusal('EDQUOT'), 'write', 'a', 0).kind).toBe('disk-full');
  expect(diskError(refusal('EIO'), 'fdatasync', 'a').kind).toBe('disk-failed');
  expect(diskError(null, 'write', 'a', 7).values).toEqual({ path: 'a', offset: 7, call: 'write', code: null });
});

onLinux('what is neither file nor directory is not shown', () => {
  symlinkSync('/dev/null', join(root, 'device'));
  symlinkSync('nowhere', join(root, 'dangling'));
  writeFileSync(join(root, 'file'), 'x');
  expect(disk.list('')).toEqual([{ name: 'file', kind: 'file', size: 1 }]);
  expect([disk.stat('device'), disk.stat('dangling')]).toEqual([null, null]);
});

test('a closed disk closes its files and is stopped', async () => {
  const file = disk.open('a', 'create');
  disk.close();
  expect(
    isLockstepError(
      failureOf(() => file?.size()),
      'misuse',
    ),
  ).toBe(true);
  for (const call of [() => disk.open('a', 'read'), () => disk.stat('a'), () => disk.list('')]) {
    expect(failureOf(call).kind).toBe('stopped');
  }
  await expect(disk.remove('a')).rejects.toMatchObject({ kind: 'stopped' });
});

onLinux('files that are closed leave no descriptor behind, also while a sync or a load runs', async () => {
  const openCount = (): number => readdirSync('/proc/self/fd').length;
  disk.open('a', 'create')?.close();
  const before = openCount();
  for (let count = 0; count < 100; count++) {
    const file = disk.open('a', 'write');
    if (file === null) throw new Error('it is there');
    const underWay = [file.sync(), file.load(new Uint8Array(1), 0), file.sync()];
    file.close();
    await Promise.all(underWay);
    disk.open('a', 'read')?.close();
  }
  expect(openCount()).toBeLessThan(before + 20); // the runner opens some of its own
});

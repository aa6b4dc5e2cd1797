/** A directory of logs among real processes: held, left, killed, stopped, raced for, on a path of any length. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFileLogs } from './logs.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'lockstep-logs-'));
});
afterEach(() => {
  rmSync(data, { recursive: true });
});

test('a directory is made, held, refused with the name of its holder, and left', async () => {
  const directory = join(data, 'a', 'b');
  const logs = await openFileLogs(directory);
  const log = await logs.open('orders', { create: true });
  const writer = await log?.acquire({ owner: 'ann' });
  await writer?.append({ payload: new Uint8Array(3), firstRevision: 1, revisionCount: 1 });
  await expect(openFileLogs(directory)).rejects.toMatchObject({
    kind: 'in-use',
    values: { directory, pid: process.pid, since: expect.stringMatching(/^\d{4}-/) },
  });
  await logs.close();
  {
    await using again = await openFileLogs(directory);
    expect(await (await again.open('orders', { create: false }))?.tail()).toBe(2);
  }
  expect(readdirSync(directory).filter((name) => name.endsWith('.sock') || name.endsWith('.draft'))).toEqual([]);
});

test('who waits gets the directory when it is left', async () => {
  const first = await openFileLogs(data);
  const second = openFileLogs(data, { withinMs: 20_000 });
  await first.close();
  await (await second).close();
});

test('a path that is too long for a socket is none for the lock', async () => {
  const directory = join(data, ...Array.from({ length: 8 }, () => 'a-long-name-of-a-directory'));
  mkdirSync(directory, { recursive: true });
  const logs = await openFileLogs(directory);
  await expect(openFileLogs(directory)).rejects.toMatchObject({ kind: 'in-use' });
  await logs.close();
  await (await openFileLogs(directory)).close();
  expect(existsSync(join(directory, 'owner-0000000004'))).toBe(true);
});

/** What the contract of the port cannot show: other processes, killed and stopped; the numbers of file systems. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHostEnv } from './env.ts';
import { HostOwnership, linuxFileSystem } from './ownership.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'lockstep-owner-'));
});
afterEach(() => {
  rmSync(data, { recursive: true });
});

const program = `
  const { HostOwnership } = await import(${JSON.stringify(new URL('./ownership.ts', import.meta.url).href)});
  await new HostOwnership(() => process.argv[1]).show('it.sock');
  console.log('shown');
  setInterval(() => {}, 1_000);
`;

test('a process is seen to run while it is stopped, and seen to have ended once it is killed', async () => {
  const ownership = new HostOwnership(() => data);
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  try {
    await once(child.stdout, 'data');
    const shown = { pid: child.pid ?? 0, host: ownership.self.host, proof: 'socket' } as const;
    expect(await ownership.look('it.sock', shown)).toBe('runs');
    child.kill('SIGSTOP');
    // More looks than a stopped process can leave unanswered: it is still there.
    for (let looks = 0; looks < 1_000; looks++) expect(await ownership.look('it.sock', shown)).toBe('runs');
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(join(data, 'it.sock'))).toBe(true);
    expect(await ownership.look('it.sock', shown)).toBe('ended');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});

test('by its number alone a process is known to have ended, or nothing is known', async () => {
  const ownership = new HostOwnership(() => data);
  const { host } = ownership.self;
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  expect(await ownership.look('it.sock', { pid: child.pid ?? 0, host, proof: 'pid' })).toBe('ended');
  expect(await ownership.look('it.sock', { pid: process.pid, host, proof: 'pid' })).toBe('unknown');
  expect(await ownership.look('it.sock', { pid: child.pid ?? 0, host: 'elsewhere', proof: 'pid' })).toBe('unknown');
});

test('a closed env shows nothing any more', async () => {
  const env = await openHostEnv({ data });
  await env.ownership.show('it.sock');
  await env.close();
  await expect(env.ownership.show('it.sock')).rejects.toMatchObject({ kind: 'stopped' });
  expect(existsSync(join(data, 'it.sock'))).toBe(false);
});

test('file systems of networks are known by their numbers, also where the system gives them with a sign', () => {
  expect(linuxFileSystem(0x6969)).toEqual({ kind: 'network', name: 'nfs' });
  expect(linuxFileSystem(0xff534d42)).toEqual({ kind: 'network', name: 'cifs' });
  expect(linuxFileSystem(0xff534d42 | 0)).toEqual({ kind: 'network', name: 'cifs' });
  expect(linuxFileSystem(0xfe534d42)).toEqual({ kind: 'network', name: 'smb2' });
  expect(linuxFileSystem(0x65735546)).toEqual({ kind: 'unproven', name: 'fuse' });
  expect(linuxFileSystem(0xef53)).toEqual({ kind: 'local', name: 'ext' });
  expect(linuxFileSystem(0x1234)).toEqual({ kind: 'local', name: '0x1234' });
});

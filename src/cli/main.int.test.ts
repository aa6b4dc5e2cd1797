import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileEngine } from '../log/file.ts';
import { openHostEnv } from '../os/env.ts';
import { openFileLogs } from '../os/logs.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
let data = '';

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'lockstep-cli-'));
  const env = await openHostEnv({ data });
  const engine = fileEngine(env, '');
  const log = await engine.open('orders', { create: true });
  const writer = await log?.acquire({ owner: 'me' });
  await writer?.append({ payload: new Uint8Array(10), firstRevision: 1, revisionCount: 1 });
  await engine.close();
  await env.close();
});
afterAll(() => rm(data, { recursive: true }));

function lockstep(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly told: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, out, told) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, told });
    });
  });
}

test('lockstep log inspect shows a log, alone or among others, as text or JSON', async () => {
  const all = await lockstep('log', 'inspect', data);
  expect(all).toMatchObject({ code: 0, told: '' });
  expect(all.out).toMatch(/^orders {2}log [0-9a-f]{32}, 1 epoch\n {2}epoch 1 {2}records 1 to 2\n/);
  const one = await lockstep('log', 'inspect', join(data, 'orders'), '--json');
  expect(Object.values(JSON.parse(one.out) as object)).toMatchObject([
    { claims: [1], epochs: [{ first: 1, last: 2 }] },
  ]);
});

test('lockstep log inspect runs beside the process that has the directory, and names it', async () => {
  const logs = await openFileLogs(join(data, 'held'));
  await logs.open('orders', { create: true });
  const { code, out } = await lockstep('log', 'inspect', join(data, 'held'));
  expect(code).toBe(0);
  expect(out).toMatch(new RegExp(`^the directory is held by process ${process.pid} on .* since .*Z, which runs\\n`));
  await logs.close();
  expect((await lockstep('log', 'inspect', join(data, 'held'))).out).toMatch(/^orders {2}log /);
});

test('a wrong call says what is right, with exit code 1', async () => {
  expect(await lockstep('log', 'inspect', join(data, 'nothing'))).toMatchObject({ code: 1, out: '' });
  expect((await lockstep('log', 'expect')).told).toContain('lockstep log inspect DIR');
  expect((await lockstep('--wat')).told).toContain("Unknown option '--wat'");
  expect((await lockstep()).out).toContain('lockstep log inspect DIR');
});

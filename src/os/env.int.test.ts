/** The real world as a whole: what opening makes, what closing ends, and what importing does not do. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { openHostEnv } from './env.ts';
import { hostLimits } from './limits.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-env-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const indexUrl = new URL('../index.ts', import.meta.url).href;
const jobsUrl = new URL('../../test/contracts/env/example-jobs.ts', import.meta.url).href;

/** What a program prints that runs by itself in `folder`, and ends by itself. */
async function outputOf(program: string): Promise<string> {
  const flags = ['--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: folder, timeout: 20_000 });
  return stdout.trim();
}

test('opening makes the data directory, and what is written lies there', async () => {
  const data = join(folder, 'a', 'b');
  const env = await openHostEnv({ data });
  env.disk.open('file', 'create')?.write(new Uint8Array(3), 0);
  await env.close();
  expect(existsSync(join(data, 'file'))).toBe(true);
  const again = await openHostEnv({ data });
  expect(again.disk.stat('file')?.size).toBe(3);
  await again.close();
});

test('a data directory that cannot be made is disk-failed', async () => {
  writeFileSync(join(folder, 'file'), '');
  const data = join(folder, 'file', 'below');
  await expect(openHostEnv({ data })).rejects.toMatchObject({ kind: 'disk-failed', values: { path: data } });
});

test('close aborts the signal, ends sleeps and jobs, and stops the ports', async () => {
  const env = await openHostEnv({ data: folder });
  const asleep = env.sleep('1h').catch((error: unknown) => error);
  await env.close();
  await env.close();
  expect(env.signal.aborted).toBe(true);
  expect(isLockstepError(await asleep, 'stopped')).toBe(true);
  expect(() => env.disk.list('')).toThrow(/^the disk was closed/);
  await expect(env.network.connect('127.0.0.1:1')).rejects.toMatchObject({ kind: 'stopped' });
});

test('the signal follows the one that was given, with its reason', async () => {
  const [reason, stop] = [new Error('enough'), new AbortController()];
  const env = await openHostEnv({ data: folder, signal: stop.signal });
  const asleep = env.sleep('1h').catch((error: unknown) => error);
  stop.abort(reason);
  expect(await asleep).toBe(reason);
  const late = await openHostEnv({ data: folder, signal: stop.signal });
  expect(late.signal.reason).toBe(reason);
  await Promise.all([env.close(), late.close()]);
});

test('a limit is a whole number of at least 1, and a stream queues at least 64 KiB', () => {
  expect(hostLimits().jobThreadCount).toBeGreaterThan(0);
  for (const value of [0, -1, 1.5, Number.NaN]) {
    expect(() => hostLimits({ streamCountMax: value })).toThrow(/^a limit is a whole number/);
  }
  expect(() => hostLimits({ streamSendBytesMax: 1_000 })).toThrow(/^a stream queues at least 64 KiB/);
});

test('the monotonic clock moves in steps of a microsecond or less', async () => {
  const { clock } = await openHostEnv({ data: folder });
  let stepMin = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 10_000; count++) {
    const step = -clock.now() + clock.now();
    if (step > 0) stepMin = Math.min(stepMin, step);
  }
  expect(stepMin).toBeLessThanOrEqual(0.001);
});

test('a delay that is too long for Node is waited for in parts, not a millisecond at a time', async () => {
  const printed = await outputOf(`
    import { hostEnv } from '${indexUrl}';
    process.on('warning', (warning) => console.log(warning.name)); // Node warns when it cuts a delay short
    const far = hostEnv.timers.after(2 ** 33, () => console.log('early'));
    await hostEnv.sleep('5ms');
    far.cancel();
    console.log('waited');
  `);
  expect(printed.split('\n').filter((line) => line !== 'ExperimentalWarning')).toEqual(['waited']);
});

test('fetch reaches a server and brings its answer', async () => {
  const server = createServer((request, response) => {
    response.writeHead(418, { 'x-method': request.method }).end('short and stout');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = await openHostEnv({ data: folder });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const response = await env.fetch(url, { method: 'POST', body: 'tea', headers: { connection: 'close' } });
  expect([response.status, response.headers.get('x-method')]).toEqual([418, 'POST']);
  expect(await response.text()).toBe('short and stout');
  server.close();
  await env.close();
});

test('importing has no effects, and an idle hostEnv keeps no process alive', async () => {
  const printed = await outputOf(`
    import { hostEnv } from '${indexUrl}';
    const atImport = process.getActiveResourcesInfo();
    hostEnv.clock.now(); hostEnv.newId(); hostEnv.disk.list(''); hostEnv.disk.stat('none');
    const file = hostEnv.disk.open('file', 'create');
    file.write(new Uint8Array(1), 0);
    await file.sync();
    hostEnv.timers.after(1e9, () => undefined).cancel();
    await hostEnv.sleep('1ms');
    console.log(JSON.stringify([atImport, process.getActiveResourcesInfo()]));
  `);
  const [atImport, used] = JSON.parse(printed) as [string[], string[]];
  // What is left of the program's own input and output is Node's.
  const ours = (handles: string[]): string[] => handles.filter((handle) => !/Pipe|TTY|FSReq/.test(handle));
  expect([ours(atImport), ours(used)]).toEqual([[], []]);
  expect(existsSync(join(folder, 'file'))).toBe(true);
});

test('idle job threads and streams that were closed keep no process alive', async () => {
  const printed = await outputOf(`
    import { hostEnv } from '${indexUrl}';
    import { sum } from '${jobsUrl}';
    const listener = await hostEnv.network.listen('127.0.0.1:0', (stream) => stream.close());
    const stream = await hostEnv.network.connect(listener.address);
    const ended = await stream.receive();
    listener.close();
    console.log(ended, await hostEnv.jobs.run(sum, [1, 2]));
  `);
  expect(printed).toBe('null 3');
});

test('a pending timer and a running job keep the process alive until they are done', async () => {
  const printed = await outputOf(`
    import { hostEnv } from '${indexUrl}';
    import { sum } from '${jobsUrl}';
    hostEnv.timers.after(20, () => console.log('due'));
    hostEnv.jobs.run(sum, [1, 2]).then((result) => console.log(result));
  `);
  expect(printed.split('\n').toSorted()).toEqual(['3', 'due']);
});

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fileEngine } from '../log/file.ts';
import { openHostEnv } from '../os/env.ts';
import { openFileLogs } from '../os/logs.ts';
import { openOwnedTree } from '../storage/owned-tree.ts';
import { command } from './command.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const encoder = new TextEncoder();
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

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly told: string;
}

/** The command in this process, with what it prints. */
async function lockstep(...args: readonly string[]): Promise<Ran> {
  const printed = { out: '', told: '' };
  const say = vi.spyOn(console, 'log').mockImplementation((line: string) => void (printed.out += `${line}\n`));
  const tell = vi.spyOn(console, 'error').mockImplementation((line: string) => void (printed.told += `${line}\n`));
  try {
    return { code: await command(args), ...printed };
  } finally {
    say.mockRestore();
    tell.mockRestore();
  }
}

/** The same as a process. */
function spawned(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, out, told) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, told });
    });
  });
}

test('as a process it prints, and ends with the exit code', async () => {
  expect(await spawned('log', 'inspect', data)).toEqual(await lockstep('log', 'inspect', data));
  expect(await spawned('--wat')).toEqual(await lockstep('--wat'));
});

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

describe('lockstep storage inspect', () => {
  const tableNames = (place: string): Promise<string[]> =>
    readdir(join(data, place, 'tables')).then((names) => names.filter((name) => name.endsWith('.table')));

  beforeAll(async () => {
    const env = await openHostEnv({ data });
    await using tree = await openOwnedTree(env, 'trees/one');
    for (const letter of 'abcdef') await tree?.put(encoder.encode(`key ${letter}`), encoder.encode(`value ${letter}`));
    await tree?.delete(encoder.encode('key b'));
    await tree?.flush();
    await tree?.checkpoint('trees/copy');
    await tree?.put(encoder.encode('key g'), encoder.encode('value g'));
    // Beside the process that has it.
    const beside = await lockstep('storage', 'inspect', join(data, 'trees/one'));
    expect(beside).toMatchObject({ code: 0, told: '' });
    expect(beside.out).toMatch(new RegExp(`^the directory is held by process ${process.pid} `));
    await tree?.close();
    await env.close();
  });

  test('shows levels, tables and journal, of one or of all in a directory, as text or JSON', async () => {
    const { code, out } = await lockstep('storage', 'inspect', join(data, 'trees/one'));
    expect(code).toBe(0);
    const [tree, journal, level, table, ...rest] = out.trimEnd().split('\n');
    expect(tree).toMatch(/one {2}tree, flushed up to revision 7, old versions kept from revision \d on$/);
    expect(journal).toMatch(/^ {2}journal {2}revisions \d to 8, 1 segment, \d+ bytes$/);
    expect(level).toMatch(/^ {2}level 0 {2}1 table, \d+ bytes$/);
    expect(table).toMatch(/\.table {2}\d+ bytes, 5 entries, revisions 1 to 6, keys key a to key f$/);
    expect(rest).toEqual([]);
    const all = JSON.parse((await lockstep('storage', 'inspect', join(data, 'trees'), '--json')).out) as object;
    expect(all).toMatchObject({
      copy: { manifest: { flushedRevision: 7 }, journal: { firstRevision: null }, damages: [] },
      one: { manifest: { flushedRevision: 7 }, levels: [[{ smallest: '6b65792061' }]], leavings: [], damages: [] },
    });
  });

  test('names what is damaged and what is left over, with exit code 1, and changes nothing', async () => {
    const env = await openHostEnv({ data });
    await using tree = await openOwnedTree(env, 'hurt');
    await tree?.put(encoder.encode('a'), encoder.encode('b'));
    await tree?.flush();
    await tree?.close();
    await env.close();
    const [table = ''] = await tableNames('hurt');
    const path = join(data, 'hurt/tables', table);
    const bytes = await readFile(path);
    await writeFile(path, bytes.with(3, 99));
    await writeFile(join(data, 'hurt/tables/00000999.table'), 'left');
    const hurt = await lockstep('storage', 'inspect', join(data, 'hurt'));
    expect(hurt.code).toBe(1);
    expect(hurt.out).toContain('  not named by the manifest: 00000999.table\n');
    expect(hurt.out).toMatch(/ {2}damaged: tables\/\d+\.table at 0: .*; may cost keys from a to a\n/);
    await rm(path);
    expect((await lockstep('storage', 'inspect', join(data, 'hurt'))).out).toContain('is missing');
    await writeFile(join(data, 'hurt/tables/manifest'), 'nonsense');
    expect((await lockstep('storage', 'inspect', join(data, 'hurt'))).out).toContain('without a readable manifest');
    await rm(join(data, 'hurt/tables/manifest'));
    expect(await lockstep('storage', 'inspect', join(data, 'hurt'))).toMatchObject({ code: 1 });
    expect(await tableNames('hurt')).toEqual(['00000999.table']);
  });
});

test('a wrong call says what is right, with exit code 1', async () => {
  expect(await lockstep('log', 'inspect', join(data, 'nothing'))).toMatchObject({ code: 1, out: '' });
  expect((await lockstep('log', 'expect')).told).toContain('lockstep log inspect DIR');
  expect((await lockstep('--wat')).told).toMatch(/^misuse: there is no such command command=`--wat`/);
  expect((await lockstep('storage', 'inspect', join(data, 'orders'))).told).toContain('there is no tree');
  expect((await lockstep()).out).toContain('lockstep log inspect DIR');
});

test('lockstep check linearizable judges a file: the verdict is the exit code, the timeline a page', async () => {
  const file = join(data, 'history.edn');
  const line = (type: string, f: string, value: string) => `{:process 0, :type :${type}, :f :${f}, :value ${value}}\n`;
  const text = line('invoke', 'write', '1') + line('ok', 'write', '1') + line('invoke', 'read', 'nil');
  const judge = (...options: readonly string[]) => lockstep('check', 'linearizable', file, ...options);
  await writeFile(file, text + line('ok', 'read', '1'));
  expect(await judge('--model', 'cas-register')).toMatchObject({ code: 0, told: '' });
  await writeFile(file, text + line('ok', 'read', '2'));
  const page = join(data, 'timeline.html');
  const bad = await judge('--model', 'cas-register', '--json', '--html', page);
  expect(bad).toMatchObject({ code: 2, told: '' });
  expect(JSON.parse(bad.out)).toMatchObject({ kind: 'violation', counterexample: { stuck: 1, isMinimal: true } });
  expect(await readFile(page, 'utf8')).toContain('read → 2');
  await writeFile(file, (line('invoke', 'write', '1') + line('ok', 'write', '1')).repeat(3));
  expect(await judge('--model', 'register', '--budget', '1')).toMatchObject({ code: 4, told: '' });
  await writeFile(file, text + line('fine', 'read', '2'));
  expect(await judge('--model', 'cas-register')).toMatchObject({ code: 1, out: '' });
  expect((await judge('--model', 'cas-register')).told).toContain('line=`4`');
  expect((await judge()).told).toContain('--model MODEL');
  expect((await lockstep('check', 'linearizable', join(data, 'none'), '--model', 'queue')).told).toContain(
    'cannot be read',
  );
});

test('lockstep check transactions judges a file: the verdict is the exit code, the cycles are a page', async () => {
  const file = join(data, 'transactions.edn');
  const both = (process: number, steps: string, answers: string): readonly [string, string] => [
    `{:process ${process}, :type :invoke, :f :txn, :value [${steps}]}\n`,
    `{:process ${process}, :type :ok, :f :txn, :value [${answers}]}\n`,
  ];
  const judge = (...options: readonly string[]) => lockstep('check', 'transactions', file, ...options);
  const one = both(0, '[:r 1 nil] [:append 2 7]', '[:r 1 nil] [:append 2 7]');
  const other = both(1, '[:r 2 nil] [:append 1 8]', '[:r 2 nil] [:append 1 8]');
  await writeFile(file, one[0] + other[0] + one[1] + other[1]);
  const page = join(data, 'cycles.html');
  const bad = await judge('--html', page);
  expect(bad).toMatchObject({ code: 2, told: '' });
  expect(bad.out).toContain('T0 is before T1: T0 read 1 without a value, before T1 wrote 8');
  expect(bad.out).toContain('T1 of process 1, line 2: read 2 → nothing, append 1 8');
  expect(await readFile(page, 'utf8')).toContain('<h2>G2: write skew</h2>');
  const allowed = await judge('--level', 'snapshot-isolation', '--json');
  expect(allowed).toMatchObject({ code: 0, told: '' });
  expect(JSON.parse(allowed.out)).toMatchObject({
    kind: 'ok',
    tolerated: [{ name: 'write skew' }],
    cited: { 1: { line: 2, process: '1' } },
  });
  await writeFile(file, [0, 1].flatMap((process) => both(process, `[:w x ${process}]`, `[:w x ${process}]`)).join(''));
  expect(await judge()).toMatchObject({ code: 0 });
  await writeFile(file, [one[0], other[0], ...both(2, '[:w 9 1] [:r 9 nil]', '[:w 9 1] [:r 9 2]')].join(''));
  expect(await judge('--level', 'read-uncommitted', '--order', 'process')).toMatchObject({ code: 2, told: '' });
  await writeFile(file, both(0, '[:fly 1 2]', '[:fly 1 2]').join(''));
  expect(await judge()).toMatchObject({ code: 1, out: '' });
  expect((await judge()).told).toContain('[:append KEY VALUE]');
  expect((await judge('--level', 'best')).told).toContain('strict-serializable');
  expect((await judge('--order', 'best')).told).toContain('real-time');
});

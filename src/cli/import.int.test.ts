/** Files are imported into a node that serves, and its events exported, by the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromCloudEvent, type CloudEvent } from '../machine/cloud-event.ts';
import { defineApp } from '../machine/app.ts';
import type { LockstepNode } from '../node/node.ts';
import { open } from '../os/open.ts';
import { serve, type HttpServer } from '../server/node.ts';
import { account } from '../../test/models/shop.ts';
import { lockstep, type Printed } from '../../test/servers/command-line.ts';

let place = '';
let node: LockstepNode;
let server: HttpServer;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'lockstep-import-'));
  node = await open(defineApp({ name: 'bank', parts: [account] }), { data: join(place, 'data') });
  server = await serve(node, { port: 0 });
});
afterAll(async () => {
  await server.close();
  await node.close();
  rmSync(place, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(place, name);
  writeFileSync(path, text);
  return path;
}
const run = (...words: readonly string[]): Promise<Printed> => lockstep(...words, '--url', server.url);

test('a table becomes commands, in order; what is rejected is told by line; a second run changes nothing', async () => {
  const rows = ['account,kind,amount', 'c-1,in,100', 'c-2,in,5', 'c-1,out,30', 'c-1,out,900', '"c-3, joint",in,7'];
  const csv = file('moves.csv', rows.join('\n'));
  const move = (kind: string, name: string) => ({
    machine: 'account',
    command: name,
    key: '{account}',
    data: { amount: '{amount:number}' },
    when: { kind: [kind] },
  });
  const mapping = file('moves.json', JSON.stringify([move('in', 'Deposit'), move('out', 'Withdraw')]));
  const first = await run('import', csv, '--mapping', mapping);
  expect(first.code).toBe(2);
  expect(first.said).toMatch(
    /^ {2}rejected {5}line 5 · insufficient-funds · \{"missing":830\}\n {2}imported {5}moves\.csv · 5 rows · 4 commands committed · 1 rejected: insufficient-funds 1 · \d+\.\d s\n$/,
  );
  expect((await node.read(account, 'c-1')).state.balance).toBe(70);
  expect((await node.read(account, 'c-3, joint')).state.balance).toBe(7);
  const second = { code: 1, told: expect.stringContaining('this file was imported; nothing was done') };
  expect(await run('import', csv, '--mapping', mapping)).toMatchObject(second);
});

test('an import that broke off goes on where it was, and what was on its way happens once', async () => {
  const line = (amount: unknown): string =>
    JSON.stringify({ machine: 'account', key: 'd-1', command: 'Deposit', data: { amount } });
  const good = [1, 2, 3].map(line);
  const lines = file('deposits.jsonl', `${good.join('\n')}\nnothing\n`);
  const unread = { code: 1, told: expect.stringContaining('the file cannot be read; nothing was done') };
  expect(await run('import', `${lines}.gone`)).toMatchObject(unread);
  const broken = { code: 1, told: expect.stringContaining('a line is no JSON') };
  expect(await run('import', lines)).toMatchObject(broken);
  expect((await node.read(account, 'd-1')).state.balance).toBe(6);
  const state = JSON.parse(readFileSync(`${lines}.import.json`, 'utf8')) as { begunMs: number; rows: number };
  expect(state.rows).toBe(3);
  writeFileSync(`${lines}.import.json`, JSON.stringify({ ...state, rows: 1, isDone: false })); // as if it had been killed
  file('deposits.jsonl', `${good.join('\n')}\n${line(4)}`);
  const goneOn = await run('import', lines, '--json');
  expect(goneOn.code).toBe(0);
  expect(JSON.parse(goneOn.out)).toMatchObject({ rows: 3, committed: 3, rejectedCount: 0 });
  expect((await node.read(account, 'd-1')).state).toMatchObject({ balance: 10 });
});

test('events are exported as CloudEvents that keep what they were, into a file that is new', async () => {
  await node.send(account, 'e-1', 'Deposit', { amount: 5 });
  const out = join(place, 'events.jsonl');
  expect(await run('export', out, '--cloudevents', '--source', 'https://bank.test', '--key', 'e-1')).toMatchObject({
    code: 0,
  });
  const [text = ''] = readFileSync(out, 'utf8').split('\n');
  const event = fromCloudEvent(JSON.parse(text) as CloudEvent);
  expect(event).toMatchObject({
    source: 'https://bank.test',
    machine: 'account',
    type: 'Deposited',
    data: { amount: 5 },
  });
  const unmade = { code: 1, told: expect.stringContaining('the file cannot be made; nothing was written') };
  expect(await run('export', out)).toMatchObject(unmade);
});

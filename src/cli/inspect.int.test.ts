/** `lockstep inspect` over the directory of a node: whole, held, damaged, none. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { defineApp } from '../machine/app.ts';
import { open } from '../os/open.ts';
import { account } from '../../test/models/shop.ts';
import { command } from './command.ts';

let place = '';
let said: string[] = [];

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'lockstep-inspect-'));
  said = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(place, { recursive: true });
});

test('a node is inspected while it runs and afterwards; damage is named with its file, with exit code 1', async () => {
  const data = join(place, 'data');
  const node = await open(defineApp({ name: 'bank', parts: [account] }), { data, partitions: 2 });
  for (const key of ['a', 'b', 'c', 'd']) await node.send(account, key, 'Deposit', { amount: 5 });
  expect(await command(['inspect', data])).toBe(0);
  expect(said[0]).toContain(`held by process ${process.pid} `);
  await node.close();

  expect(await command(['inspect', data])).toBe(0);
  expect(said.at(-1)).toBe(`  whole        ${data} · 2 logs · 2 states`);

  const log = join(data, 'log/bank-0');
  const segment = (await readdir(log)).find((name) => name.endsWith('.seg')) ?? '';
  const bytes = await readFile(join(log, segment));
  await writeFile(join(log, segment), bytes.fill(99, 4_096, 4_128));
  said = [];
  expect(await command(['inspect', data])).toBe(1);
  expect(said[0]).toContain(`log/bank-0/${segment}`);
  expect(said.at(-1)).toMatch(/\n {2}damaged {6}.* · 2 logs · 2 states · 1 damaged$/);
  expect(await command(['inspect', data, '--json'])).toBe(1);
  expect(JSON.parse(said.at(-1) ?? '')).toMatchObject({
    damaged: ['log/bank-0'],
    logs: { 'log/bank-1': { damage: null } },
  });
});

test('where no node is, that is told, and none is made', async () => {
  expect(await command(['inspect', place])).toBe(1);
  expect(said.at(-1)).toContain('no node has its logs in this directory');
  expect(await readdir(place)).toEqual([]);
});

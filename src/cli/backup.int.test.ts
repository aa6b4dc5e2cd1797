/** A node is backed up while it serves, and restored elsewhere: by the command line, over HTTP, in one process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { defineApp } from '../machine/app.ts';
import { backup, restore } from '../os/backup.ts';
import type { LockstepNode } from '../node/node.ts';
import { open } from '../os/open.ts';
import type { Token } from '../partition/transaction.ts';
import { serve } from '../server/node.ts';
import { account } from '../../test/models/shop.ts';
import { backupActions } from './backup-action.ts';
import { command } from './command.ts';

const bank = defineApp({ name: 'bank', parts: [account] });
let place = '';
let said: string[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'lockstep-backup-'));
  said = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(place, { recursive: true });
});

test('what was acknowledged before a backup is in the node that is restored of it, and its tokens are good there', async () => {
  const [data, to, elsewhere] = [join(place, 'data'), join(place, 'backups'), join(place, 'elsewhere')];
  const node = await open(bank, { data, partitions: 2 });
  const server = await serve(node, { port: 0, actions: backupActions(node) });
  const keys = Array.from({ length: 20 }, (_, at) => `a-${at}`);
  const sent = await Promise.all(keys.map((key) => node.send(account, key, 'Deposit', { amount: 5 })));
  expect(await command(['backup', to, '--url', server.url])).toBe(0);
  expect(said.at(-1)).toMatch(
    /^ {2}backup {7}.*\/backups · 2 partitions · \d+\.\d MiB, \d+\.\d MiB of it new · \d+\.\d s$/,
  );
  await node.send(account, 'a-0', 'Deposit', { amount: 100 });
  await server.close();
  await node.close();

  expect(await command(['restore', to, elsewhere, '--json'])).toBe(0);
  const restored = JSON.parse(said.at(-1) ?? '') as { app: string; partitions: readonly unknown[] };
  expect(restored).toMatchObject({ app: 'bank', partitions: [{}, {}] });
  const again = await open(bank, { data: elsewhere });
  for (const [at, key] of keys.entries()) {
    const after = sent[at]?.token;
    expect(await again.read(account, key, { after })).toMatchObject({ version: 1, state: { balance: 5 } });
  }
  await again.close();
  expect(await command(['restore', to, elsewhere])).toBe(1);
  expect(said.at(-1)).toContain('there is a node already; nothing was changed');
});

test('a token of several partitions is good up to what was restored of each, and refused beyond, whatever came instead', async () => {
  const [data, to, elsewhere] = [join(place, 'data'), join(place, 'backups'), join(place, 'elsewhere')];
  const node = await open(bank, { data, partitions: 2 });
  const deposit = (at: LockstepNode, amount: number) => at.send(account, 'ann', 'Deposit', { amount });
  const amounts = async (at: LockstepNode, count: number, after: Token | 'start') => {
    const found: { readonly amount: number; readonly token: Token }[] = [];
    for await (const { data: event, token } of at.allEvents({ machines: [account], after })) {
      found.push({ amount: event.amount, token });
      if (found.length === count) break;
    }
    return found;
  };
  for (const amount of [1, 2, 3]) await deposit(node, amount);
  await backup(node, to);
  for (const amount of [4, 5, 6]) await deposit(node, amount);
  const before = await amounts(node, 6, 'start');
  await node.close();

  await restore(to, { data: elsewhere });
  const again = await open(bank, { data: elsewhere });
  for (const amount of [14, 15, 16, 17]) await deposit(again, amount);
  const [, second, third, , fifth] = before.map(({ token }) => token);
  const goneOn = await amounts(again, 5, second ?? 'start');
  expect(goneOn.map(({ amount }) => amount)).toEqual([3, 14, 15, 16, 17]);
  expect((await amounts(again, 2, goneOn[2]?.token ?? 'start')).map(({ amount }) => amount)).toEqual([16, 17]);
  expect((await amounts(again, 1, third ?? 'start')).map(({ amount }) => amount)).toEqual([14]);
  await expect(amounts(again, 1, fifth ?? 'start')).rejects.toMatchObject({
    kind: 'invalid',
    summary: expect.stringContaining('after the backup that was restored'),
  });
  await again.close();
});

test('a directory with backups of something else is left as it is, and one without any is told', async () => {
  const node = await open(bank, { data: join(place, 'data') });
  const other = await open(defineApp({ name: 'other', parts: [account] }), { data: join(place, 'other') });
  const to = join(place, 'backups');
  await node.send(account, 'a', 'Deposit', { amount: 5 });
  expect(await backup(node, to)).toMatchObject({ app: 'bank', partitions: [{}] });
  const refused = await backup(other, to).catch((error: unknown) => error);
  expect(isLockstepError(refused, 'misuse')).toBe(true);
  await node.close();
  await other.close();
  expect(await command(['restore', join(place, 'data'), join(place, 'new')])).toBe(1);
  expect(said.at(-1)).toContain('there is no backup in this directory');
});

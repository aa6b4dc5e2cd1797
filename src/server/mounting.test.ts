/** What a framework sees: the handler mounted in Hono, and a client of it as in a browser, typed by what is exposed. */
import { Hono } from 'hono';
import { mount } from 'hono/mount';
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../client/client.ts';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import type { LockstepNode } from '../node/node.ts';
import { account } from '../../test/models/shop.ts';
import { expose } from './api.ts';

const api = expose([allow(account, { send: ['Deposit', 'Withdraw'], read: true })], async (request, action) => {
  const customer = request.headers.get('x-customer');
  return customer !== null && action.key?.split('/')[0] === customer ? { actor: customer } : null;
});

let node: LockstepNode;
let web: Hono;

beforeAll(async () => {
  node = await openInMemory(defineApp({ name: 'bank', parts: [account] }));
  web = new Hono().get('/', (c) => c.text('bank')).all('/api/*', mount(api.handler(node)));
});
afterAll(() => node.close());

describe('mounted in Hono', () => {
  const clientOf = (customer: string) =>
    createClient<typeof api>('http://bank.test/api', {
      fetch: async (url, init) => web.fetch(new Request(url, init)),
      headers: () => ({ 'x-customer': customer }),
    });

  test('it answers under its path, and the framework everywhere else', async () => {
    expect(await (await web.request('/')).text()).toBe('bank');
    expect(
      (await web.request('/api/machines/account/state?key=ann', { headers: { 'x-customer': 'ann' } })).status,
    ).toBe(200);
    expect((await web.request('/machines/account/state?key=ann')).status).toBe(404);
  });

  test('a client sends, reads and follows through it, and gets nothing of others', async () => {
    const ann = clientOf('ann');
    await ann.send('account', 'ann/1', 'Deposit', { amount: 100 });
    const refused = await ann.send('account', 'ann/1', 'Withdraw', { amount: 500 });
    expect(refused).toMatchObject({ kind: 'rejected', details: { missing: 400 } });
    for await (const event of ann.events('account', { key: 'ann/1' })) {
      expect(event).toMatchObject({ type: 'Deposited', data: { amount: 100 }, actor: 'ann' });
      break;
    }
    await expect(clientOf('bob').read('account', 'ann/1')).rejects.toMatchObject({ values: { status: 403 } });
  });
});

/** The handler in Fastify, which has Node's own requests: bodies and event streams go through as they come. */
import { fastify } from 'fastify';
import { openInMemory } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { createClient } from '../client/client.ts';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import { account } from '../../test/models/shop.ts';
import { expose } from './api.ts';
import { nodeListener } from './node.ts';

const api = expose([allow(account, { send: ['Deposit'], read: true })], async (request) => {
  const customer = request.headers.get('x-customer');
  return customer === null ? null : { actor: customer };
});

test('mounted in Fastify it takes commands, tells states and streams events; the framework answers everywhere else', async () => {
  await using node = await openInMemory(defineApp({ name: 'bank', parts: [account] }));
  const listener = nodeListener(api.handler(node, { base: '/api' }));
  const web = fastify({ forceCloseConnections: true });
  web.get('/', async () => 'bank');
  await web.register(async (scope) => {
    scope.removeAllContentTypeParsers(); // bodies are read by the handler, within its limits
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.all('/api/*', (request, reply) => {
      reply.hijack();
      listener(request.raw, reply.raw);
    });
  });
  const url = await web.listen({ port: 0, host: '127.0.0.1' });
  const client = createClient<typeof api>(`${url}/api`, { headers: () => ({ 'x-customer': 'ann' }) });

  expect(await (await fetch(url)).text()).toBe('bank');
  expect(await client.send('account', 'ann', 'Deposit', { amount: 100 })).toMatchObject({ kind: 'committed' });
  expect((await client.read('account', 'ann')).version).toBe(1);
  for await (const event of client.events('account', { key: 'ann' })) {
    expect(event).toMatchObject({ type: 'Deposited', data: { amount: 100 }, actor: 'ann' });
    break;
  }
  const large = { method: 'POST', headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(2_000_000)}"` };
  expect((await fetch(`${url}/api/machines/account/commands/Deposit?key=ann`, large)).status).toBe(413);
  expect((await fetch(`${url}/api/machines/account/state?key=ann`)).status).toBe(403);
  await web.close();
});

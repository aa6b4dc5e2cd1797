/**
 * A client on a bad line: every other answer is lost, and each stream breaks off. Commands run once all the same, and no
 * event is missed or seen twice. The line is a function around the handler; in a browser it would be `fetch`.
 */
import { rmSync } from 'node:fs';
import { defineApp, machine, open, unchecked } from 'lockstep';
import { createClient } from 'lockstep/client';
import { allow, expose } from 'lockstep/server';

const counter = machine({
  name: 'counter',
  initial: () => ({ count: 0 }),
  commands: { Add: unchecked<number>() },
  events: { Added: unchecked<number>() },
  decide: { Add: (_state, by, { event }) => [event('Added', by)] },
  evolve: { Added: ({ count }, by) => ({ count: count + by }) },
});

const api = expose([allow(counter, { send: ['Add'], read: true })], async () => ({ actor: 'somebody' }));
const data = 'example-client';
const node = await open(defineApp({ name: 'counting', parts: [counter] }), { data });
const handler = api.handler(node);

let requests = 0;
async function badLine(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await handler(new Request(url, init));
  if (requests++ % 2 === 0) throw new TypeError('the answer was lost');
  return response;
}

const client = createClient<typeof api>('http://counting.test', { fetch: badLine });
for (const by of [1, 2, 3]) {
  const { version, repeated } = await client.send('counter', 'c-1', 'Add', by);
  console.log(`added ${by}: version ${version}${repeated ? ', as its first answer was lost' : ''}`);
}
console.log('count', (await client.read('counter', 'c-1')).state.count, 'in', requests, 'requests');

const seen: number[] = [];
for await (const { data: by } of client.events('counter', { key: 'c-1' })) if (seen.push(by) === 3) break;
console.log('events', seen.join(', '));

await node.close();
rmSync(data, { recursive: true });

/** The servers that are measured, in a process of their own: ours over a directory, and Node's HTTP that answers nothing. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineApp } from '../../src/machine/app.ts';
import { allow } from '../../src/machine/access.ts';
import { machine } from '../../src/machine/machine.ts';
import { unchecked } from '../../src/machine/schema.ts';
import { open } from '../../src/os/open.ts';
import { expose } from '../../src/server/api.ts';
import { serve } from '../../src/server/node.ts';

const tally = machine({
  name: 'tally',
  initial: () => ({ count: 0 }),
  commands: { Add: unchecked<number>() },
  events: { Added: unchecked<number>() },
  decide: { Add: (_state, by, { event }) => [event('Added', by)] },
  evolve: { Added: ({ count }, by) => ({ count: count + by }) },
});
const api = expose([allow(tally, { send: ['Add'], read: true })], async () => ({ actor: 'bench' }));

const node = await open(defineApp({ name: 'bench', parts: [tally] }), {
  data: process.argv[2] as string,
  anyFileSystem: true,
});
const server = await serve(node, { port: 0, mounts: { '/api': api.handler(node, { base: '/api' }) } });
const bare = createServer((incoming, outgoing) => {
  incoming.resume();
  outgoing.end();
});
bare.listen(0, '127.0.0.1', () => {
  process.send?.({ ours: Number(new URL(server.url).port), bare: (bare.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit());

/** What the command line tells of a node that is not well, and how that is put right. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockstep, type Printed } from '../../test/servers/command-line.ts';
import { memoryEngine } from '../log/memory.ts';
import type { LogEngine } from '../log/port.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { reject } from '../machine/rejection.ts';
import { unchecked } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { openNode } from '../node/open.ts';
import { openHostEnv } from '../os/env.ts';
import { serve, type HttpServer } from '../server/node.ts';

const door = machine({
  name: 'door',
  initial: () => ({ count: 0 }),
  commands: { Knock: unchecked<number>() },
  events: { Knocked: unchecked<number>() },
  decide: {
    Knock: (_door, count, { event }) => (count > 9 ? reject('too-loud', { count }) : [event('Knocked', count)]),
  },
  evolve: { Knocked: ({ count }, more) => ({ count: count + more }) },
});
const visits = projection({
  name: 'visits',
  from: { door },
  row: unchecked<{ count: number }>(),
  on: {
    door: {
      Knocked: ({ key, data }, rows) => {
        if (data === 7) throw new Error('no row for this');
        rows.set(key, { count: data });
      },
    },
  },
});

const withWarning = (engine: LogEngine, warning: string): LogEngine => ({
  name: engine.name,
  guarantees: { ...engine.guarantees, warning },
  open: (name, how) => engine.open(name, how),
  list: () => engine.list(),
  remove: (name) => engine.remove(name),
  close: () => engine.close(),
});

let place = '';
let node: LockstepNode;
let server: HttpServer;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'lockstep-health-'));
  const env = await openHostEnv({ data: place });
  const app = defineApp({ name: 'house', parts: [door, visits] });
  const engine = withWarning(memoryEngine(env), 'it forgets');
  node = await openNode(env, app, { engine, directory: 'state', owner: 'here' });
  await node.leading();
  server = await serve(node, { port: 0 });
});
afterAll(async () => {
  await server.close();
  await node.close();
  rmSync(place, { recursive: true });
});

const run = (...words: readonly string[]): Promise<Printed> => lockstep(...words, '--url', server.url);

test('what is acknowledged survives is told first, and what is known against the engine', async () => {
  const { code, out } = await run('status');
  expect([code, out.split('\n').slice(0, 4)]).toEqual([
    0,
    [
      '  log          memory · what is acknowledged survives nothing',
      '  warning      it forgets',
      expect.stringMatching(/^ {2}leading {6}partition 0 · revision \d+ · led by here$/),
      expect.stringMatching(/^ {2}live {9}visits on partition 0 · 100 %/),
    ],
  ]);
  const told = JSON.parse((await run('status', '--json')).out) as { readonly engine: unknown };
  expect(told.engine).toMatchObject({ name: 'memory', guarantees: { survives: 'nothing', warning: 'it forgets' } });
});

test('a projection that stopped is told with its event, and goes on without it', async () => {
  await node.send(door, 'front', 'Knock', 7);
  const { code, out } = await run('status');
  expect([code, out]).toEqual([1, expect.stringContaining('at door front version 1: no row for this')]);
  expect((await run('projections', 'skip', 'visits')).out).toBe('  visits       goes on, on 1 partition\n');
  await expect.poll(async () => (await run('status')).code).toBe(0);
  expect((await run('projections', 'retry', 'visits')).out).toBe('  visits       is stopped nowhere\n');
});

test('a message that was put aside is told with why, tried again, and dropped', async () => {
  await node.transact('front', (tx) => tx.send(door, 'back', 'Knock', 10));
  await expect.poll(async () => (await run('status')).out).toContain('1 dead letter · lockstep dead-letters list');
  const listed = (await run('dead-letters', 'list')).out;
  const [, letter = ''] = /^ {2}(0\/\S+) {2}to back/.exec(listed) ?? [];
  expect(listed).toContain('too-loud');
  expect(await run('dead-letters', 'retry', letter)).toMatchObject({
    code: 2,
    out: expect.stringContaining('too-loud'),
  });
  expect(await run('dead-letters', 'discard', letter)).toMatchObject({ code: 0, out: '  done         it is gone\n' });
  expect((await run('dead-letters', 'list')).out).toBe('  no dead letters\n');
  expect(await run('dead-letters', 'retry', 'no/letter')).toMatchObject({ told: expect.stringMatching(/^misuse: /) });
});

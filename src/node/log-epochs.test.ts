/** What a node logs, in a calm world: a fault of its engine, that it leads, what stopped, what was put aside, its end. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { closingEngine } from '../log/closing-engine.ts';
import { memoryEngine } from '../log/memory.ts';
import type { LogEngine } from '../log/port.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { reject } from '../machine/rejection.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import { logLine, type LogEntry } from '../observe/logger.ts';
import { openNode } from './open.ts';

const closed = machine({
  name: 'closed',
  initial: () => ({}),
  commands: { Enter: nothing },
  events: { Entered: nothing },
  decide: { Enter: () => reject('closed') },
  evolve: { Entered: (state) => state },
});
const door = machine({
  name: 'door',
  initial: () => ({}),
  commands: { Knock: nothing },
  events: { Knocked: nothing },
  decide: {
    Knock: (_door, _nothing, { event, key, send }) => {
      send(closed, key, 'Enter');
      return [event('Knocked')];
    },
  },
  evolve: { Knocked: (state) => state },
});
const never = (update: 'inline' | 'async') =>
  projection({
    name: `never-${update}`,
    from: { door },
    row: unchecked<object>(),
    update,
    on: {
      door: {
        Knocked: () => {
          throw new Error('no row for this');
        },
      },
    },
  });

const withWarning = (engine: LogEngine, warning: string): LogEngine => ({
  ...closingEngine(engine, { close: async () => {} }),
  guarantees: { ...engine.guarantees, warning },
});

test('a fault of the engine, leading, what stopped and what was put aside are told once each, and the end', async () => {
  const entries: LogEntry[] = [];
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const app = defineApp({ name: 'house', parts: [door, closed, never('inline'), never('async')] });
      const logger = (entry: LogEntry): void => void entries.push(entry);
      const engine = withWarning(memoryEngine(env), 'it forgets');
      const node = await openNode(env, app, { engine, directory: 'state', owner: 'node', logger });
      await node.leading();
      await node.send(door, 'front', 'Knock');
      await env.sleep('30s');
      await node.close();
    });
  });
  const stopped = { partition: 'house-0', machine: 'door', key: 'front', version: 1, why: 'no row for this' };
  expect(entries).toMatchObject([
    { level: 'warn', event: 'engine', about: { engine: 'memory', warning: 'it forgets' } },
    { event: 'leading', about: { partition: 'house-0', epoch: 1 } },
    { level: 'info', event: 'opened', about: { app: 'house', partitions: 1 } },
    { level: 'warn', event: 'projection-stopped', about: { projection: 'never-inline', ...stopped } },
    { level: 'warn', event: 'projection-stopped', about: { projection: 'never-async', ...stopped } },
    {
      level: 'warn',
      event: 'message-put-aside',
      about: { partition: 'house-0', sender: expect.stringMatching(/^[0-9a-f]{16}$/) },
    },
    { level: 'info', event: 'leading-ended', about: { partition: 'house-0' } },
    { level: 'info', event: 'closed', about: { app: 'house' } },
  ]);
});

test('an entry is a line of JSON, with its error', () => {
  const error = new Error('the disk\nrefused');
  const line = logLine({ level: 'error', event: 'stopped', about: { app: 'house' }, error }, new Date(0));
  expect(JSON.parse(line)).toMatchObject({
    at: '1970-01-01T00:00:00.000Z',
    level: 'error',
    event: 'stopped',
    app: 'house',
    error: 'the disk\nrefused',
  });
  expect(line).not.toContain('\n');
});

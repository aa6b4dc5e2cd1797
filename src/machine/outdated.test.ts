/** States that are folded again though their `codeVersion` stayed. */
import { openInMemory } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { defineApp } from './app.ts';
import { machine } from './machine.ts';
import { unchecked } from './schema.ts';

test('states are folded again by the code of now, without a new codeVersion, and are then kept', async () => {
  let factor = 1;
  const jar = machine({
    name: 'jar',
    initial: () => ({ beans: 0 }),
    commands: { Fill: unchecked<number>() },
    events: { Filled: unchecked<number>() },
    decide: { Fill: (_jar, count, { event }) => [event('Filled', count)] },
    evolve: { Filled: ({ beans }, count) => ({ beans: beans + factor * count }) },
  });
  await using node = await openInMemory(defineApp({ name: 'kitchen', parts: [jar] }));
  for (const key of ['a', 'b', 'b']) await node.send(jar, key, 'Fill', 2);
  expect(await node.storedEvents()).toEqual({ streams: 2, events: 3, isAll: true });
  factor = 10;
  expect((await node.read(jar, 'b')).state).toEqual({ beans: 4 });
  expect(await node.foldAgain(jar)).toBe(2);
  expect((await node.read(jar, 'b')).state).toEqual({ beans: 40 });
  await node.send(jar, 'b', 'Fill', 1);
  expect((await node.read(jar, 'b')).state).toEqual({ beans: 50 });
  factor = 0;
  expect((await node.read(jar, 'b')).state).toEqual({ beans: 50 });
  expect(jar['~machine'].sources()['evolve.Filled']).toContain('factor * count');
});

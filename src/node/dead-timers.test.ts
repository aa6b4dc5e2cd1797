/** Timers of machines that failed too often, among the dead letters of a node. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { defineApp } from '../machine/app.ts';
import { fsm } from '../machine/fsm.ts';
import { nothing } from '../machine/schema.ts';
import { openNode } from './open.ts';

test('a deadline that failed too often is among the dead letters, and is tried again or dropped there', async () => {
  let isMended = false;
  const isOver = ({ at }: { readonly at: string }): boolean => {
    if (at === 'alarm' && !isMended) throw new Error('a bug of the user');
    return false;
  };
  const door = fsm({
    name: 'door',
    initial: 'shut',
    events: { Open: nothing, Shut: nothing },
    states: { shut: { Open: 'open' }, open: { Shut: 'shut', after: { '2s': 'alarm' } }, alarm: { Shut: 'shut' } },
    archive: { when: isOver, after: '1h' },
  });
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const app = defineApp({ name: 'app', parts: [door] });
      const engine = memoryEngine(env);
      const node = await openNode(env, app, { engine, directory: 'state', owner: 'node', partitions: 2 });
      await node.leading();
      for (const key of ['a/1', 'b/ü ?']) await node.send(door, key, 'Open');
      await env.sleep('15min');

      const letters = await node.deadLetters();
      const about = { attempts: 10, why: 'a bug of the user' };
      expect(letters.toSorted((one, other) => one.to.localeCompare(other.to))).toMatchObject([
        { ...about, to: 'a/1', from: 'a', message: { payload: { machine: 'door', key: 'a/1' } } },
        { ...about, to: 'b/ü ?', from: 'b' },
      ]);
      const [first = expect.unreachable(), second = expect.unreachable()] = letters;
      expect(await node.retryDeadLetter(first)).toMatchObject({ code: 'failed' });
      expect(await node.deadLetters()).toHaveLength(2);

      isMended = true;
      const elsewhere = { ...first, partition: 1 - first.partition };
      expect(await node.retryDeadLetter(elsewhere)).toMatchObject({ code: 'no-such-letter' });
      expect(await node.retryDeadLetter(first)).toEqual({ kind: 'done' });
      expect(await node.retryDeadLetter(first)).toMatchObject({ code: 'no-such-letter' });
      expect((await node.read(door, first.to)).state).toMatchObject({ at: 'alarm' });
      expect(await node.discardDeadLetter(second)).toEqual({ kind: 'done' });
      expect(await node.discardDeadLetter(second)).toMatchObject({ code: 'no-such-letter' });
      expect((await node.read(door, second.to)).state).toMatchObject({ at: 'open' });
      expect(await node.deadLetters()).toEqual([]);
      for (const id of ['timer/a/%/b', 'timer/a'])
        await expect(node.retryDeadLetter({ partition: 0, id })).rejects.toMatchObject({ kind: 'invalid' });
      await node.close();
    });
  });
});

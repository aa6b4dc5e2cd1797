/** A long stream whose code changed: folded again in bounded steps, once, by whoever first needs it. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp } from '../machine/app.ts';
import { foldedAtOnceMax } from '../machine/fold-steps.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const perCommand = 500;
const commands = 12;

/** `folded` counts what `evolve` is called for. */
function counting(codeVersion: number, factor: number, folded: { count: number }) {
  return machine({
    name: 'counter',
    codeVersion,
    initial: () => ({ sum: 0 }),
    commands: { Add: unchecked<number>() },
    events: { Added: unchecked<number>() },
    decide: { Add: (_state, count, { event }) => Array.from({ length: count }, () => event('Added', 1)) },
    evolve: {
      Added: ({ sum }, count) => {
        folded.count++;
        return { sum: sum + count * factor };
      },
    },
  });
}

async function opened(env: Env, stores: MemoryStores, counter: ReturnType<typeof counting>): Promise<LockstepNode> {
  const app = defineApp({ name: 'app', parts: [counter] });
  const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
  await node.leading();
  return node;
}

test.each(['command', 'read'] as const)(
  'the first %s has a long stream folded again in steps, and it stays so',
  async (by) => {
    await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
      await world.run('node', async (env) => {
        const stores = new MemoryStores();
        const old = counting(1, 1, { count: 0 });
        const before = await opened(env, stores, old);
        for (let count = 0; count < commands; count++) await before.send(old, 'a', 'Add', perCommand);
        await before.send(old, 'short', 'Add', 3);
        await before.close();

        const folded = { count: 0 };
        const doubled = counting(2, 2, folded);
        const after = await opened(env, stores, doubled);
        const revision = after.partitions.at(0).status.revision;
        const events = commands * perCommand;
        expect(events).toBeGreaterThan(foldedAtOnceMax);
        if (by === 'command') await after.send(doubled, 'a', 'Add', 1);
        else expect((await after.read(doubled, 'a')).state).toEqual({ sum: events * 2 });
        expect(after.partitions.at(0).status.revision - revision).toBeGreaterThanOrEqual(3);
        const extra = by === 'command' ? 1 : 0;
        expect(folded.count).toBe(events + extra); // once, however many steps
        expect((await after.read(doubled, 'a')).state).toEqual({ sum: (events + extra) * 2 });
        expect(folded.count).toBe(events + extra);
        expect((await after.read(doubled, 'short')).state).toEqual({ sum: 6 });
        await after.close();
      });
    });
  },
);

/** What channels do when one side has gone back in time: restored, which makes it a new generation, or against its word. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../../log/memory.ts';
import { Waits } from '../../observe/waits.ts';
import { openPartitions, type Partitions } from '../partitions.ts';
import type { Transaction } from '../transaction.ts';
import type { MessageHandler } from './message.ts';

interface Ground {
  readonly env: Env;
  readonly waits: Waits;
  readonly partitions: Partitions;
  readonly one: string;
  readonly two: string;
  readonly sender: string;
}

const handler: MessageHandler = (tx, { message }) => {
  tx.set(['got'], [...((tx.get(['got']) as number[] | undefined) ?? []), message]);
};

/** Two partitions, of which the first has sent the second five messages, which it has. */
async function afterFive(play: (ground: Ground) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config: { silenceMs: 300, pauseMsMax: 100 } });
      const waits = new Waits(env.clock, env.timers);
      const options = { engine, directory: 'state', owner: 'node', count: 2, onMessage: handler, waits };
      const partitions = await openPartitions(env, options);
      await partitions.leading();
      const placeIn = (index: number, at = 0): string =>
        partitions.indexOf(`p${at}`) === index ? `p${at}` : placeIn(index, at + 1);
      const [one, two] = [placeIn(0), placeIn(1)];
      for (let n = 1; n <= 5; n++) await partitions.transact(one, (tx) => tx.send(two, n));
      let sender = '';
      await partitions.at(0).transact(null, (tx) => {
        ({ id: sender } = tx.system('partition', 'local').get([]) as { readonly id: string });
      });
      const ground = { env, waits, partitions, one, two, sender };
      await come(ground, 5);
      await env.sleep('50ms');
      await play(ground);
      await partitions.close();
      expect(waits.explain()).toEqual([]);
      await engine.close();
    });
  });
}

async function got({ partitions, two }: Ground): Promise<readonly number[]> {
  const outcome = await partitions.transact(two, (tx) => (tx.get(['got']) as number[] | undefined) ?? []);
  return outcome.kind === 'committed' ? outcome.value : expect.unreachable();
}

async function come(ground: Ground, count: number): Promise<void> {
  while ((await got(ground)).length < count) await ground.env.sleep('10ms');
}

/** As a restore would leave it; then it is led anew. */
async function goBack({ partitions }: Ground, index: number, change: (tx: Transaction) => void): Promise<void> {
  await partitions.at(index).transact(null, change);
  await partitions.at(index).stepDown();
  await partitions.at(index).leading();
}

function raiseGeneration(tx: Transaction): void {
  const space = tx.system('partition', 'local');
  const { id, generation } = space.get([]) as { readonly id: string; readonly generation: number };
  space.set([], { id, generation: generation + 1 });
}

test('a sender that was restored: what comes again is known, what is new is new though its number is not', async () => {
  await afterFive(async (ground) => {
    const { partitions, one, two } = ground;
    const [, , bytes] = await sentAgain(ground, 6);
    await goBack(ground, 0, (tx) => {
      raiseGeneration(tx);
      const space = tx.system('channel', 'local');
      // As it was when number 3 had just been sent, and 2 had been taken.
      space.set(['out', 1, 3], [1, 3 * bytes.length, bytes]);
      space.set(['sent', 1], [1, 3, 3 * bytes.length]);
      space.set(['taken', 1], [1, 2, 2 * bytes.length]);
    });
    await partitions.transact(one, (tx) => tx.send(two, 100));
    await partitions.transact(one, (tx) => tx.send(two, 101));
    await come(ground, 8);
    expect(await got(ground)).toEqual([1, 2, 3, 4, 5, 6, 100, 101]);
    await ground.env.sleep('1s');
    expect([await got(ground), ground.waits.explain()]).toEqual([[1, 2, 3, 4, 5, 6, 100, 101], []]);
    expect(await partitions.lostMessages(1)).toEqual([]);
  });
});

/** What lies in the outbox for a message that is sent, and then taken. */
async function sentAgain(ground: Ground, message: number): Promise<readonly [number, number, Uint8Array]> {
  const { partitions, one, two } = ground;
  const outcome = await partitions.transact(one, (tx) => {
    tx.send(two, message);
    return tx.system('channel', 'local').get(['out', 1, 6]) as [number, number, Uint8Array];
  });
  await come(ground, 6);
  return outcome.kind === 'committed' ? outcome.value : expect.unreachable();
}

test('a receiver that was restored says what it lost, and goes on', async () => {
  await afterFive(async (ground) => {
    const { partitions, one, two, sender } = ground;
    await goBack(ground, 1, (tx) => {
      raiseGeneration(tx);
      tx.system('channel', 'local').set(['in', sender], [1, 3]);
    });
    await partitions.transact(one, (tx) => tx.send(two, 6));
    await come(ground, 6);
    expect(await got(ground)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await partitions.lostMessages(1)).toMatchObject([
      { sender, after: { generation: 1, number: 3 }, upTo: { generation: 1, number: 5 } },
    ]);
  });
});

test('a receiver that lacks what it had, and was not restored, takes nothing more, and that is told', async () => {
  await afterFive(async (ground) => {
    const { partitions, one, two, sender, env, waits } = ground;
    await goBack(ground, 1, (tx) => tx.system('channel', 'local').set(['in', sender], [1, 3]));
    await partitions.transact(one, (tx) => tx.send(two, 6));
    await env.sleep('5s');
    expect(await got(ground)).toEqual([1, 2, 3, 4, 5]);
    const [wait] = waits.explain();
    expect(wait?.waitsFor).toBe(
      'number 6 to be taken: its receiver should have all before, and has nothing after number 3 of generation 1',
    );
  });
});

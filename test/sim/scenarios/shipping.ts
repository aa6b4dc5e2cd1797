/** Frames in a stream, many under way at once: in order, none twice, none missing before one that arrived. */
import type { Scenario } from '../scenario.ts';
import { receiver, shipper } from '../services/shipping.ts';

const recordCount = 300;

export const shippingScenario: Scenario = {
  name: 'shipping',
  about: 'records go to another node over a stream with many under way; they arrive in order and without a gap',
  bugs: ['ignores-backpressure'],
  async run(world, bug) {
    const held = { count: 0 };
    const onGap = (number: number): never => world.fail(`record ${number} came when ${held.count} were there`);
    // The receiver keeps its count in memory: the journal is about disks.
    void world.run('receiver', (env) => receiver(env, 'receiver:4', held, onGap), { steady: true });
    const options = { count: recordCount, heedsFull: bug !== 'ignores-backpressure' };
    void world.run('shipper', (env) => shipper(env, 'receiver:4', options));
    await world.sleep('1s');
    world.heal();
    await world.until('all records are there', () => held.count === recordCount);
  },
};

/**
 * A service of one's own in the simulator: a till that adds up payments in a file. It has a bug that no ordinary test
 * shows: it answers before the file is synced. The simulator loses power at the wrong moment, finds the payment that
 * is gone, and says which seed shows it again.
 */
import { htmlDiagram, simulate, SimulationFailure, type Env, type World } from 'lockstep/sim';

// region service
/** Takes payments over HTTP and keeps their total in a file. `careful`: syncs before it answers. */
export function till(world: World, careful: boolean): void {
  world.serve('till.test', async (request, { disk }: Env) => {
    const { amount } = (await request.json()) as { amount: number };
    const file = disk.open('total', 'write') ?? disk.open('total', 'create');
    if (file === null) throw new Error('somebody else made the file');
    const total = new DataView(new ArrayBuffer(8));
    file.read(new Uint8Array(total.buffer), 0);
    total.setFloat64(0, total.getFloat64(0) + amount);
    file.write(new Uint8Array(total.buffer), 0);
    if (careful) {
      await file.sync();
      await disk.syncDirectory('');
    }
    file.close();
    return Response.json({ total: total.getFloat64(0) });
  });
}
// endregion

// region scenario
async function scenario(world: World, careful: boolean): Promise<void> {
  till(world, careful);
  let acknowledged = 0;
  await world.run(
    'customer',
    async ({ fetch, sleep }) => {
      for (let count = 0; count < 20; count++) {
        const paid = await fetch('http://till.test/', { method: 'POST', body: '{"amount":1}' }).catch(() => null);
        if (paid !== null) acknowledged++; // no answer: it may have been taken, or not
        await sleep('20ms');
      }
    },
    { steady: true },
  );
  world.crash('till.test', { kind: 'power' });
  await world.settle();
  const bytes = world.disk('till.test').durable('total') ?? new Uint8Array(8);
  const total = new DataView(bytes.buffer).getFloat64(0);
  if (total < acknowledged) world.fail(`${acknowledged} payments were acknowledged, ${total} are there`);
}
// endregion

const weather = { base: 'calm', crashEveryMs: 200, powerShare: 1 } as const;

const { seedCount, eventCount } = await simulate({ seeds: 50, weather }, (world) => scenario(world, true));
console.log(`careful: nothing found in ${seedCount} seeds and ${eventCount} events`);

try {
  await simulate({ seeds: 50, weather }, (world) => scenario(world, false));
} catch (error) {
  if (!(error instanceof SimulationFailure)) throw error;
  console.log(`careless: ${error.verdict} with seed ${error.seed}; again with: ${error.replay}`);
  console.log(`a page that shows it: ${htmlDiagram(error.events).length > 1_000 ? 'drawn' : 'empty'}`);
}

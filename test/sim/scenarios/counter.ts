/** Several clients add to one number at once; in the end nothing that was added is missing, or there twice. */
import type { Scenario } from '../scenario.ts';
import { addOne, addOneCarelessly, counterStore, read } from '../services/counter.ts';

const url = 'http://store.test/counter';
const clientCount = 3;
const addCount = 5;

export const counterScenario: Scenario = {
  name: 'counter',
  about: 'clients add to a number in a store on the web: read, then write if the version is still the same',
  bugs: ['lost-update'],
  async run(world, bug) {
    const add = bug === 'lost-update' ? addOneCarelessly : addOne;
    // The store keeps its number in memory, and a client in memory how far it is: the journal is about disks.
    world.serve('store.test', counterStore(), { steady: true });
    const clients = Array.from({ length: clientCount }, (_, index) =>
      world.run(
        `client-${index + 1}`,
        async (env) => {
          for (let added = 0; added < addCount; added++) {
            await add(env, url);
            await env.sleep('20ms');
          }
        },
        { steady: true },
      ),
    );
    await world.sleep('500ms');
    world.heal();
    await Promise.all(clients);
    const { value } = await world.run('reader', (env) => read(env, url));
    const expected = clientCount * addCount;
    if (value !== expected) world.fail(`${expected} were added, and the number is ${value}`);
  },
};

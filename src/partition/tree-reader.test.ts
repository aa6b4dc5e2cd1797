/** A walk over the state of all places that goes on at another snapshot, where the one before ended. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { openPartition } from './open-partition.ts';
import type { Snapshot } from './snapshot.ts';
import type { PlaceEntry, SystemEntry } from './transaction.ts';

const places = ['a', 'b', 'a place in between', 'z'];

test('entries behind one that was read are all that come after it, also when it is gone', async () => {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env);
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      const about = { log, payloadBytesMax: 1024 * 1024, directory: 'state', owner: 'node' };
      const partition = await openPartition(env, about);
      await partition.leading();
      await partition.transact(null, (tx) => tx.system('count', 'local').set(['own'], 0));
      for (const place of places)
        await partition.transact(place, (tx) => {
          for (const key of [[], ['one'], ['one', 0], ['two']]) tx.system('count', 'place').set(key, place);
          tx.system('other', 'place').set(['one'], place);
        });

      const read = async (after?: PlaceEntry): Promise<readonly SystemEntry[]> => {
        using snapshot = (await partition.read('linearizable')) as Snapshot;
        return [...snapshot.everywhere('count', after)];
      };
      const [own, ...all] = await read();
      expect(own).toEqual({ place: null, key: ['own'], value: 0 });
      expect(all).toHaveLength(places.length * 4);
      const rest = (index: number): Promise<readonly SystemEntry[]> => read(all[index] as PlaceEntry);
      for (const index of all.keys()) expect(await rest(index)).toEqual(all.slice(index + 1));

      const { place, key } = all[5] as PlaceEntry;
      await partition.transact(place, (tx) => tx.system('count', 'place').delete(key));
      expect(await rest(5)).toEqual(all.slice(6));
      await partition.close();
      await engine.close();
    });
  });
});

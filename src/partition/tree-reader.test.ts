/** Walks that go on where the one before ended: over the state of all places at another snapshot, over keys. */
import { calm, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { decoded, encoded, treeInWorld } from '../../test/models/core-tree.ts';
import { memoryEngine } from '../log/memory.ts';
import type { Tree } from '../storage/tree.ts';
import type { VisibleBounds } from '../storage/visible-cursor.ts';
import { openPartition } from './open-partition.ts';
import type { Snapshot } from './snapshot.ts';
import type { PlaceEntry, SystemEntry } from './transaction.ts';
import { TreeReader } from './tree-reader.ts';

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

test('keys are those behind one up to another, and no walk reaches what lies behind that', async () => {
  await treeInWorld(async (open) => {
    const { core, commit, close } = await open();
    const revision = commit((batch) =>
      ['a', 'b', 'b/1', 'c', 'd'].forEach((key) => batch.put(encoded(key), encoded(key))),
    );
    commit((batch) => ['b/2', 'e', 'f'].forEach((key) => batch.put(encoded(key), encoded(key))));
    const walked: VisibleBounds[] = [];
    const tree = {
      walk: (at: number, bounds: VisibleBounds) => {
        walked.push(bounds);
        return core.walk(at, bounds);
      },
    } as Tree;
    const reader = new TreeReader(tree, { revision: () => revision, walking: (held) => held.release });
    const keys = (after: string, upTo: string): readonly unknown[] =>
      Array.from(reader.keys(encoded(after), encoded(upTo)), ({ keyBytes, keyStart, keyEnd }) =>
        decoded(keyBytes.subarray(keyStart, keyEnd)),
      );
    expect(keys('a', 'c')).toEqual(['b', 'b/1', 'c']);
    expect(walked).toEqual([{ from: encoded('a\0'), to: encoded('c\0') }]);
    expect(keys('a', 'b')).toEqual(['b']);
    expect(keys('c', 'c')).toEqual([]);
    expect(keys('d', 'a')).toEqual([]);
    expect(keys('', 'z')).toEqual(['a', 'b', 'b/1', 'c', 'd']);
    await close();
  });
});

/**
 * A backup and its restoration: a manifest and the files that it names go into a store, the pointer then leads to the
 * manifest. Two nodes try to move it at once, and one does. On this machine, and in twenty simulated worlds in which the
 * power goes out in between.
 */
import { openHostEnv } from 'lockstep';
import {
  bytesOf,
  contentName,
  contentOf,
  directoryCheckpoints,
  fileName,
  type CheckpointStore,
  type FileName,
} from 'lockstep/checkpoint';
import { simulate } from 'lockstep/sim';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Files first, the manifest after them, the pointer last: whatever it leads to is complete. */
async function backUp(store: CheckpointStore, tables: readonly string[]): Promise<'moved' | 'conflict'> {
  const was = await store.pointer();
  const names: FileName[] = [];
  for (const table of tables) names.push(await keep(store, encoder.encode(table), 'table'));
  const manifest = await keep(store, encoder.encode(JSON.stringify(names)), 'manifest');
  return (await store.point(manifest, was)).kind;
}

async function keep(store: CheckpointStore, bytes: Uint8Array, sort: string): Promise<FileName> {
  const name = contentName(bytes, sort);
  await store.put(name, contentOf(bytes));
  return name;
}

async function restore(store: CheckpointStore): Promise<readonly string[]> {
  const pointer = await store.pointer();
  if (pointer === null) return [];
  const names = JSON.parse(await textOf(store, pointer.to)) as readonly string[];
  return Promise.all(names.map((name) => textOf(store, fileName(name))));
}

async function textOf(store: CheckpointStore, name: FileName): Promise<string> {
  const found = await store.get(name);
  if (found === null) throw new Error(`${name} is missing`);
  return decoder.decode(await bytesOf(found.content, 1_000_000));
}

// This machine.
await using env = await openHostEnv({ data: './checkpoint-data' });
const [ann, bob] = [await directoryCheckpoints(env, 'backup'), await directoryCheckpoints(env, 'backup')];
const outcomes = await Promise.all([backUp(ann, ['accounts', 'orders']), backUp(bob, ['accounts', 'orders', 'stock'])]);
console.log('two at once:', outcomes.toSorted().join(' and '));
console.log('restored:   ', (await restore(bob)).slice(0, 2).join(', '));

// Twenty simulated worlds: the backup is the old one or the new one, never half of one.
await simulate({ seeds: 20 }, async (world) => {
  const done = world.run('node', async (inside) => {
    const store = await directoryCheckpoints(inside, 'backup');
    await backUp(store, ['one']);
    await backUp(store, ['one', 'two']);
  });
  await world.sleep('30ms');
  world.crash('node', { kind: 'power' });
  await world.sleep('5s');
  world.heal();
  await done;
  const tables = await world.run('restorer', async (inside) => restore(await directoryCheckpoints(inside, 'backup')), {
    on: 'node',
  });
  if (tables.join() !== 'one,two') world.fail(`restored ${tables.join()}`);
});
console.log('in 20 simulated worlds: complete after every loss of power');

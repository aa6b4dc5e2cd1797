/**
 * The process that `tree.int.test.ts` kills: puts number after number into a tree, several in flight, and tells each
 * on its standard output once it is acknowledged. It goes on after the last that is there.
 */
import { writeSync } from 'node:fs';
import { openHostEnv } from '../../src/os/env.ts';
import { openTree, type OpenTreeOptions } from '../../src/storage/open-tree.ts';
import { keyOf, smallTree, valueOf } from './tree-rounds.ts';

const inFlight = 8;
const [data, durability] = process.argv.slice(2) as [string, OpenTreeOptions['durability']];
const tree = await openTree(await openHostEnv({ data }), 'tree', { ...smallTree, durability });
if (tree === null) throw new Error('the tree can neither be opened nor made');

let next = Math.max(0, tree.revision) + 1; // a number a write, as revisions are
async function write(): Promise<never> {
  for (;;) {
    const number = next++;
    await tree?.put(keyOf(number), valueOf(number));
    writeSync(1, `${number}\n`);
  }
}
await Promise.all(Array.from({ length: inFlight }, write));

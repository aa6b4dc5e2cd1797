/**
 * A process that writes to a tree on the real disk is killed at random moments: what it had acknowledged is there, and
 * nothing is there without all that was written before it. Also where it is acknowledged before it is synced: then a kill
 * takes nothing either, as the operating system has it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/kernel/random.ts';
import { openHostEnv } from '../../src/os/env.ts';
import { openTree } from '../../src/storage/open-tree.ts';
import { expectedAfter, keyOf, smallTree, valueOf } from './tree-rounds.ts';
import { writeUntilKilled } from './until-killed.ts';

const killCount = 4;
const writer = new URL('./tree-writer.ts', import.meta.url);

test.each(['process', 'machine'] as const)(
  'what a tree acknowledged survives kills of its process, with durability %s',
  async (durability) => {
    const data = mkdtempSync(join(tmpdir(), 'lockstep-chaos-'));
    const random = new SeededRandom(3);
    const env = await openHostEnv({ data });
    try {
      let acknowledged = 0;
      for (let kill = 0; kill < killCount; kill++) {
        const told = await writeUntilKilled(writer, [data, durability], random.between(20, 150));
        expect(told).toBeGreaterThan(acknowledged);
        await using tree = await openTree(env, 'tree', smallTree);
        expect(tree?.revision).toBeGreaterThanOrEqual(told);
        acknowledged = tree?.revision ?? 0;
        for (const number of expectedAfter(acknowledged)) expect(tree?.get(keyOf(number))).toEqual(valueOf(number));
      }
    } finally {
      await env.close();
      rmSync(data, { recursive: true });
    }
  },
  30_000,
);

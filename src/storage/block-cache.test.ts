/** The cache against a plain list of who may be in it. */
import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { BlockCache, type CachedTable } from './block-cache.ts';

const slotBytes = 65_536;

/** Fills a claimed block with a byte that only it has, as a table does right after claiming. */
function put(cache: BlockCache, table: CachedTable, block: number, bytes: number): void {
  const slot = cache.claim(table, block, bytes);
  const start = cache.startOf(slot);
  cache.slabOf(slot).fill(table.id * 100 + block, start, start + bytes);
}

function isWhole(cache: BlockCache, table: CachedTable, block: number): boolean {
  const slot = table.slots[block] as number;
  const start = cache.startOf(slot);
  const bytes = cache.slabOf(slot).subarray(start, start + (cache.lengths[slot] as number));
  const byte = (table.id * 100 + block) & 255;
  return bytes[0] === byte && bytes.at(-1) === byte && bytes[bytes.length >> 1] === byte;
}

test('blocks that are there are whole, whatever came and went', () => {
  for (let seed = 0; seed < 30; seed++) {
    const random = new SeededRandom(seed);
    const cache = new BlockCache(3 * 1024 * 1024, slotBytes);
    const tables: CachedTable[] = [];
    for (let step = 0; step < 200; step++) {
      if (tables.length < 2 || random.chance(0.03)) tables.push(cache.addTable(20));
      if (random.chance(0.02)) cache.removeTable(tables.splice(random.below(tables.length), 1)[0] as CachedTable);
      if (tables.length === 0) continue;
      const table = random.pick(tables);
      const block = random.below(20);
      const slot = table.slots[block] as number;
      if (slot >= 0) cache.referenced[slot] = 1;
      else {
        const bytes = random.chance(0.3) ? 1 + random.below(4 * slotBytes) : 1 + random.below(slotBytes);
        put(cache, table, block, bytes);
        if (random.chance(0.1)) cache.release(table, block);
      }
      expect(cache.bytes).toBeLessThanOrEqual(3 * 1024 * 1024);
    }
    const taken = new Set<number>();
    for (const table of tables) {
      for (const [block, slot] of table.slots.entries()) {
        if (slot < 0) continue;
        expect(isWhole(cache, table, block)).toBe(true);
        for (let at = slot; at < slot + Math.ceil((cache.lengths[slot] as number) / slotBytes); at++) {
          expect(taken.has(at)).toBe(false);
          taken.add(at);
        }
      }
    }
    expect(cache.evictions).toBeGreaterThan(0);
  }
});

test('what was read again stays while a scan goes through', () => {
  const cache = new BlockCache(1024 * 1024, slotBytes);
  const [hot, scanned] = [cache.addTable(4), cache.addTable(1_000)];
  for (let block = 0; block < 4; block++) put(cache, hot, block, 100);
  for (let block = 0; block < 1_000; block++) {
    for (const slot of hot.slots) cache.referenced[slot] = 1;
    put(cache, scanned, block, 100);
    expect(hot.slots.every((slot) => slot >= 0)).toBe(true);
  }
  expect(cache.slabs.length).toBe(1);
});

test('the slots of a table that leaves are free, and its number is used again', () => {
  const cache = new BlockCache(0, 4_096);
  const table = cache.addTable(3);
  put(cache, table, 1, 5_000);
  cache.removeTable(table);
  expect(() => cache.removeTable(table)).toThrow(/leaves the cache once/);
  expect([...table.slots]).toEqual([-1, -1, -1]);
  expect(cache.addTable(1).id).toBe(table.id);
  expect([cache.takes(256 * 1024), cache.takes(256 * 1024 + 1)]).toEqual([true, false]);
  expect(() => new BlockCache(-1, 4_096)).toThrow(/whole numbers/);
});

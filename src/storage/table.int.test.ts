/** Tables on this machine's disk, built by a job's thread. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildNumbers, numbersOf } from '../../test/models/table-job.ts';
import { foundIn } from '../../test/models/tables.ts';
import { plain, walk } from '../../test/models/versions.ts';
import { openHostEnv, type HostEnv } from '../os/env.ts';
import { BlockCache } from './block-cache.ts';
import { loadCodec } from './codec.ts';
import { openTable } from './table.ts';
import { verifyTable } from './table-verify.ts';

const place = { module: new URL('../../test/models/runs-codec.ts', import.meta.url).href, name: 'runs' };
let directory: string;
let env: HostEnv;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lockstep-table-'));
  env = await openHostEnv({ data: directory });
});
afterEach(async () => {
  await env.close();
  rmSync(directory, { recursive: true });
});

test('a table that a thread compressed is read here, and a damaged block is told', async () => {
  const versions = numbersOf(20_000);
  const properties = await env.jobs.run(buildNumbers, { path: 't', count: versions.length, codec: place });
  expect(properties.fileBytes).toBeLessThan(20_000 * 60);
  const options = { number: 5, cache: new BlockCache(1024 * 1024, 4_096), codecs: [await loadCodec(place)] };
  const table = await openTable(env.disk, 't', options);
  for (const one of versions) expect(foundIn(table, one.key, Infinity)).toBe(plain(one));
  const all = versions.map(plain);
  expect(walk(table.cursor(), 'next', 'first')).toEqual(all);
  expect(walk(table.sweep(), 'previous', 'last')).toEqual(all.toReversed());
  expect(options.cache.evictions).toBeGreaterThan(0);
  expect((await verifyTable(env.disk, 't', options)).damages).toEqual([]);
  const file = env.disk.open('t', 'write') ?? expect.unreachable();
  const offset = table.index.offsets[7] as number;
  file.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), offset + 20);
  expect(() => walk(table.sweep(), 'next', 'first')).toThrow(/block of a table/);
  expect((await verifyTable(env.disk, 't', options)).damages).toMatchObject([{ path: 't', offset }]);
  file.close();
  table.close();
});

test('a module without such a codec is misuse', async () => {
  await expect(loadCodec({ ...place, name: 'walks' })).rejects.toMatchObject({ kind: 'misuse' });
  await expect(loadCodec({ module: import.meta.url.replace('table.int', 'nothing'), name: 'runs' })).rejects.toThrow(
    /nothing/,
  );
});

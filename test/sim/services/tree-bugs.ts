/** What is planted between a tree and its env, or in whoever owns it, to test the tester. */
import type { Disk, DiskFile, Env } from 'lockstep/env';
import type { Job, Jobs } from '../../../src/env/jobs.ts';
import type { RangeTombstone } from '../../../src/storage/entry-cursor.ts';
import type { TableMeta } from '../../../src/storage/manifest.ts';
import { TableBuilder } from '../../../src/storage/table-builder.ts';
import { decodeFooter, footerBytes, seal, sealBytes, stored } from '../../../src/storage/table-format.ts';
import { TableIndex } from '../../../src/storage/table-index.ts';
import { openTable, type Table } from '../../../src/storage/table.ts';
import { tablePath } from '../../../src/storage/table-name.ts';
import type { TableWriterSettings } from '../../../src/storage/table-writer.ts';
import { otherDisk, skipsSync } from './other-disk.ts';

export interface TreeBug {
  /** Where it shows; without it in both acts. */
  readonly act?: 'partition';
  readonly env?: (env: Env) => Env;
  /** Bugs of the owner: it says that what it applied is durable; it lets go of a walk that goes on. */
  readonly flushesEarly?: boolean;
  readonly releasesEarly?: boolean;
}

/** What the tree's two jobs take, as far as bugs change it. */
interface JobInput {
  readonly olders: readonly unknown[];
  readonly settings: TableWriterSettings;
}

interface JobChange {
  readonly input?: (input: JobInput) => JobInput;
  readonly disk?: (disk: Disk) => Disk;
  /** Meddles with what was written before anybody is told of it. */
  readonly after?: (disk: Disk, written: readonly TableMeta[], input: JobInput) => Promise<readonly TableMeta[]>;
}

/** The simulated jobs run what they are given, so a job that does something else is one with another `run`. */
function otherJobs(jobs: Jobs, change: JobChange): Jobs {
  return {
    run: <In, Out>(job: Job<In, Out>, input: In, options?: { readonly signal?: AbortSignal | undefined }) => {
      const run = async (given: In, disk: Disk): Promise<Out> => {
        const [tables, there] = [given as In & JobInput, change.disk?.(disk) ?? disk];
        const changed = { ...tables, ...change.input?.(tables) };
        const written = await job.run(changed, there);
        if (change.after === undefined) return written;
        return (await change.after(there, written as readonly TableMeta[], changed)) as Out;
      };
      return jobs.run({ ...job, run }, input, options);
    },
  };
}

const withJobs =
  (change: JobChange) =>
  (env: Env): Env => ({ ...env, jobs: otherJobs(env.jobs, change) });

/** Of seven names one after the other: a table that is alive is written over. */
const reusedNames = (disk: Disk): Disk =>
  otherDisk(disk, {
    open: (path, mode) => {
      const created = disk.open(path, mode);
      if (created !== null || mode !== 'create') return created;
      const taken = disk.open(path, 'write');
      taken?.truncate(0);
      return taken;
    },
  });

const isTable = (path: string): boolean => path.endsWith('.table');

const unsynced = (disk: Disk): Disk => otherDisk(disk, {}, (file, path) => (isTable(path) ? skipsSync(file) : file));

/** The journal's own directory it remembers. */
const forgetful = (disk: Disk): Disk =>
  otherDisk(disk, {
    syncDirectory: async (directory) => {
      if (directory.endsWith('journal')) await disk.syncDirectory(directory);
    },
  });

/** In the first block of each table one restart point is its neighbour's; the checksum is right. */
async function misplaceRestarts(disk: Disk, written: readonly TableMeta[], { settings }: JobInput) {
  for (const { number } of written) {
    const path = tablePath(settings.directory, number);
    const table = await openTable(disk, path, { number, cache: null });
    const { blockCount } = table.properties;
    table.close();
    const file = disk.open(path, 'write');
    if (file === null) throw new Error('it was written just now');
    if (blockCount > 0) misplaceRestart(file, number, blockCount);
    await file.sync();
    file.close();
  }
  return written;
}

function misplaceRestart(file: DiskFile, number: number, blockCount: number): void {
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0);
  const footer = decodeFooter(bytes.subarray(bytes.length - footerBytes), file.path, bytes.length, number);
  const indexAt = footer.dataBytes + footer.filterBytes;
  const part = bytes.subarray(indexAt, indexAt + footer.indexBytes - sealBytes);
  const end = new TableIndex(part, blockCount, new Uint8Array(0)).offsets[1] as number;
  const length = end - sealBytes;
  const view = new DataView(bytes.buffer);
  const count = view.getUint16(length - 2, true);
  if (count < 3) return;
  const place = length - 4 - 2 * count + 2 * (count >> 1);
  view.setUint16(place, view.getUint16(place - 2, true), true);
  seal(bytes, 0, length, stored, number, 0);
  file.write(bytes.subarray(0, end), 0);
}

/** Where a range was cut at the end of a table it goes on to where the next table's part ends. */
async function uncut(disk: Disk, written: readonly TableMeta[], { settings }: JobInput) {
  const { directory } = settings;
  const open = ({ number }: TableMeta): Promise<Table> =>
    openTable(disk, tablePath(directory, number), { number, cache: null });
  for (const [at, meta] of written.entries()) {
    const next = written[at + 1];
    if (next === undefined) break;
    const [table, after] = [await open(meta), await open(next)];
    const following = after.rangeTombstones.list;
    const ranges = table.rangeTombstones.list.map((one): RangeTombstone => {
      const rest = following.find(({ start, revision }) => text(start) === text(one.end) && revision === one.revision);
      return { ...one, end: rest?.end ?? one.end };
    });
    await rebuild(disk, table, ranges, settings);
    table.close();
    after.close();
  }
  return written;
}

const text = (key: Uint8Array): string => [...key].join('.');

async function rebuild(
  disk: Disk,
  table: Table,
  ranges: readonly RangeTombstone[],
  { revisionBase, zeroedFloor, blockBytes, filterBitsPerKey }: TableWriterSettings,
): Promise<void> {
  const { number } = table.properties;
  const draft = disk.open(`${table.path}.draft`, 'create');
  if (draft === null) throw new Error('it is made once');
  const builder = new TableBuilder(draft, { number, revisionBase, floor: zeroedFloor, blockBytes, filterBitsPerKey });
  const cursor = table.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) builder.add(cursor);
  for (const range of ranges) builder.addRangeTombstone(range);
  builder.finish();
  await draft.sync();
  draft.close();
  disk.rename(`${table.path}.draft`, table.path);
}

export const treeBugs: Readonly<Record<string, TreeBug>> = {
  'drops-tombstones-early': { env: withJobs({ input: (input) => ({ ...input, olders: [] }) }) },
  'installs-before-the-sync': { env: withJobs({ disk: unsynced }) },
  'reuses-live-names': {
    env: withJobs({
      disk: reusedNames,
      input: ({ settings, ...input }) => ({
        ...input,
        settings: { ...settings, firstNumber: 1 + (settings.firstNumber % 7) },
      }),
    }),
  },
  'misplaces-a-restart-point': { env: withJobs({ after: misplaceRestarts }) },
  'flushes-what-is-not-durable': { act: 'partition', flushesEarly: true },
  'forgets-the-names': {
    env: (env) => ({ ...env, disk: forgetful(env.disk), jobs: otherJobs(env.jobs, { disk: forgetful }) }),
  },
  'releases-a-table-in-use': { act: 'partition', releasesEarly: true },
  'leaves-ranges-uncut': { env: withJobs({ after: uncut }) },
};

/** Merges tables into new ones, on another thread. */
import type { Disk } from '../env/disk.ts';
import type { Job } from '../env/jobs.ts';
import { loadCodec, type CodecPlace } from './codec.ts';
import type { EntryCursor } from './entry-cursor.ts';
import type { KeyRange } from './key-range.ts';
import type { TableMeta } from './manifest.ts';
import { MergeCursor } from './merge-cursor.ts';
import { RangeTombstones } from './range-tombstones.ts';
import { Retention } from './retention.ts';
import { RunCursor, type RunTable } from './run-cursor.ts';
import { openTable, type Table } from './table.ts';
import { tablePath } from './table-name.ts';
import { writeTables, type TableWriterSettings } from './table-writer.ts';

export interface CompactionInput {
  /** The tables that are merged, in runs of such as do not overlap, in order of their keys. */
  readonly runs: readonly (readonly TableMeta[])[];
  readonly floor: number;
  /** What is older than the inputs and may have keys of theirs. */
  readonly olders: readonly KeyRange[];
  readonly settings: TableWriterSettings;
  readonly codec: CodecPlace | null;
}

export const compactionJob: Job<CompactionInput, readonly TableMeta[]> = {
  kind: 'job',
  name: 'compactionJob',
  module: import.meta.url,
  async run({ runs, floor, olders, settings, codec }, disk) {
    const found = codec === null ? null : await loadCodec(codec);
    const tables: Table[] = [];
    try {
      const sources: EntryCursor[] = [];
      for (const run of runs) {
        const opened: RunTable[] = [];
        for (const meta of run) {
          const table = await open(disk, settings.directory, meta.number, found);
          tables.push(table);
          opened.push({ range: meta, cursor: () => table.sweep() });
        }
        sources.push(new RunCursor(opened));
      }
      const ranges = new RangeTombstones(tables.flatMap((one) => one.rangeTombstones.list));
      const merged = new MergeCursor(sources);
      return await writeTables(disk, merged, new Retention(floor, ranges, olders), settings, found);
    } finally {
      for (const table of tables) table.close();
    }
  },
};

const open = (
  disk: Disk,
  directory: string,
  number: number,
  codec: Parameters<typeof writeTables>[4],
): Promise<Table> =>
  openTable(disk, tablePath(directory, number), { number, cache: null, codecs: codec === null ? [] : [codec] });

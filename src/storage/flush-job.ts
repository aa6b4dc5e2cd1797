/** Writes a sealed memtable to tables of level 0, on another thread. */
import type { Job } from '../env/jobs.ts';
import { loadCodec, type CodecPlace } from './codec.ts';
import type { KeyRange } from './key-range.ts';
import type { TableMeta } from './manifest.ts';
import type { FrozenMemtable } from './frozen-memtable.ts';
import { Memtable } from './memtable.ts';
import { Retention } from './retention.ts';
import { writeTables, type TableWriterSettings } from './table-writer.ts';

export interface FlushInput {
  readonly memtable: FrozenMemtable;
  readonly floor: number;
  /** All tables there are. */
  readonly olders: readonly KeyRange[];
  readonly settings: TableWriterSettings;
  readonly codec: CodecPlace | null;
}

export const flushJob: Job<FlushInput, readonly TableMeta[]> = {
  kind: 'job',
  name: 'flushJob',
  module: import.meta.url,
  async run({ memtable, floor, olders, settings, codec }, disk) {
    const source = new Memtable(memtable);
    const retention = new Retention(floor, source.rangeTombstones, olders);
    return writeTables(disk, source.cursor(), retention, settings, codec === null ? null : await loadCodec(codec));
  },
};

/** Stands in a tree for a table whose file cannot be opened: it answers nothing, and says why to whoever asks. */
import { LockstepError } from '../kernel/errors.ts';
import type { EntryCursor } from './entry-cursor.ts';
import { printableKey } from './key-range.ts';
import type { TableMeta } from './manifest.ts';
import { RangeTombstones } from './range-tombstones.ts';
import type { Table } from './table.ts';

/** What a tree asks of a table. */
export type ReadableTable = Pick<
  Table,
  'find' | 'cursor' | 'coldBlock' | 'load' | 'close' | 'rangeTombstones' | 'filter' | 'bytesInMemory'
>;

export class DamagedTable implements ReadableTable {
  readonly rangeTombstones: RangeTombstones = new RangeTombstones();
  readonly filter = null;
  readonly bytesInMemory = 0;
  /** With path, offset, and the keys that it costs. */
  readonly damage: LockstepError;

  /** `cause`: what opening it threw, `corrupt`. */
  constructor(meta: TableMeta, cause: LockstepError) {
    const { path = null, offset = null } = cause.values;
    this.damage = new LockstepError('corrupt', `a table of the tree is damaged: ${firstLine(cause)}`, {
      values: { path, offset, from: printableKey(meta.smallest), to: printableKey(meta.largest) },
      cause,
      advice: [
        'Put the file back from a checkpoint or a replica, and open the tree again.',
        "Read what other tables have, and write nothing: damaged: 'read-around'",
      ],
    });
  }

  find(): never {
    throw this.damage;
  }

  cursor(): EntryCursor {
    throw this.damage;
  }

  coldBlock(): number {
    return -1;
  }

  async load(): Promise<void> {}

  close(): void {}
}

/** Of a message: what was wrong, without what to do. */
export const firstLine = (error: Error): string => error.message.split('\n')[0] ?? error.message;

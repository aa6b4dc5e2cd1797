/** What crosses to the thread that flushes. */
import type { RangeTombstone } from './entry-cursor.ts';

/** A sealed memtable as plain data: what a job on another thread gets. */
export interface FrozenMemtable {
  readonly keyCount: number;
  readonly bytes: Uint8Array;
  readonly keyStarts: Uint32Array;
  readonly keyLengths: Uint32Array;
  readonly heads: Int32Array;
  readonly revisions: Float64Array;
  readonly valueStarts: Uint32Array;
  readonly valueLengths: Uint32Array;
  readonly olders: Int32Array;
  readonly rangeTombstones: readonly RangeTombstone[];
}

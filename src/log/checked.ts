/** Reading by the rules of `follow.ts`, a batch at a time: what every engine does with what it has read. */
import type { Diverged, Follower } from './follow.ts';
import type { StoredRecord } from './record.ts';

export interface Checked {
  readonly records: readonly StoredRecord[];
  /** Why there are not more of them. */
  readonly diverged: Diverged | null;
}

/** The first of `count` records, up to the one that does not belong. */
export function checked(follower: Follower, count: number, recordAt: (index: number) => StoredRecord): Checked {
  const records: StoredRecord[] = [];
  for (let index = 0; index < count; index++) {
    const record = recordAt(index);
    const diverged = follower.accept(record);
    if (diverged !== null) return { records, diverged };
    records.push(record);
  }
  return { records, diverged: null };
}

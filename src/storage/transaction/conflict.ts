/**
 * Whether what a transaction has read or written was changed since by others: the check at its commit, backward, so the
 * first who commits wins (Kung and Robinson, "On optimistic methods for concurrency control", 1981). A transaction whose
 * reads are as they were could as well have run just now, alone: so it is serializable.
 */
import { keyHash } from '../key-hash.ts';
import type { RecentWrite } from '../recent-writes.ts';
import type { Tree } from '../tree.ts';
import { applyBatch, type WriteBatch } from '../write-batch.ts';
import type { ReadSet } from './read-set.ts';

/** Why a transaction is not committed. */
export type Conflict =
  /** The key that another transaction changed, and its revision. */
  | ({ readonly reason: 'changed' } & RecentWrite)
  /** It began before all writes that are still known by their revisions: whatever it read may have been changed. */
  | { readonly reason: 'too-old'; readonly recentFrom: number };

/** What of these reads, made at revision `since`, was changed; null: nothing, it may be committed now. */
export function conflictOfReads(tree: Tree, since: number, reads: ReadSet): Conflict | null {
  reads.check();
  if (tree.revision === since || reads.isEmpty) return null;
  if (since < tree.recentFrom) return { reason: 'too-old', recentFrom: tree.recentFrom };
  const { bytes, ends, keyCount } = reads;
  let start = 0;
  for (let at = 0; at < keyCount; at++) {
    const end = ends[at] as number;
    const revision = tree.writtenSince(since, bytes, start, end, keyHash(bytes, start, end));
    if (revision >= 0) return { reason: 'changed', key: bytes.slice(start, end), revision };
    start = end;
  }
  for (const { read } of reads.ranges) {
    const found = read === null ? null : tree.writtenWithin(since, read);
    if (found !== null) return { reason: 'changed', ...found };
  }
  return null;
}

/** As `conflictOfReads`, of what is to be written: for snapshot isolation, where reads are not checked. */
export function conflictOfWrites(tree: Tree, since: number, writes: WriteBatch): Conflict | null {
  if (tree.revision === since) return null;
  if (since < tree.recentFrom) return { reason: 'too-old', recentFrom: tree.recentFrom };
  let found: RecentWrite | null = null;
  const touch = (bytes: Uint8Array, start: number, end: number): void => {
    const revision = found === null ? tree.writtenSince(since, bytes, start, end, keyHash(bytes, start, end)) : -1;
    if (revision >= 0) found = { key: bytes.slice(start, end), revision };
  };
  applyBatch(writes.view(), {
    put: touch,
    delete: touch,
    deleteRange: (from, to) => (found ??= tree.writtenWithin(since, { from, to, toIncluded: false })),
  });
  return found === null ? null : { reason: 'changed', ...(found as RecentWrite) };
}

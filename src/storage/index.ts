/**
 * `lockstep/storage`: an ordered map of bytes to bytes in files, as a log-structured merge tree. `openTree(env, directory)`
 * gives a `StoredTree`: writes are batches, durable when they resolve; `get` and `scan` answer at once, without a promise;
 * a snapshot shows one moment for as long as it is held. It checks every byte that it reads, tells its numbers
 * (`stats`), verifies itself, and makes checkpoints by hard links. Start at `openTree` and `WriteBatch`.
 */
export { openOwnedTree as openTree } from './owned-tree.ts';
export type { OwnedTreeEnv as TreeEnv, OwnedTreeOptions as OpenTreeOptions } from './owned-tree.ts';
export type { StoredTree } from './open-tree.ts';
export type { SnapshotOptions, TreeSnapshot } from './tree-readers.ts';
export type { TransactionFunction } from './transaction/transact.ts';
export type {
  Isolation,
  TransactOptions,
  TreeCommitted,
  TreeConflict,
  TreeTransaction,
  TreeTransactOutcome,
} from './transaction/transaction.ts';
export type { DamageChoice } from './open-tables.ts';
export { treeDefaults } from './options.ts';
export type { TreeOptions } from './options.ts';
export { WriteBatch, batchBytesMax } from './write-batch.ts';
export { keyBytesMax, valueBytesMax } from './entry-cursor.ts';
export type { Entry, Scan, ScanOptions } from './scan.ts';
export type { KeyRange } from './key-range.ts';
export type { LevelStats, TreeCoreStats, TreeStats } from './tree-stats.ts';
export type { TreeDamage } from './tree-damage.ts';
export type { VerifyOptions, VerifyProgress } from './verify-tree.ts';
export { readCheckpoint } from './checkpoint.ts';
export type { Checkpoint, CheckpointFacts, CheckpointFile } from './checkpoint.ts';
export { importCheckpoint } from './import-checkpoint.ts';
export type { ImportOptions, ImportPorts } from './import-checkpoint.ts';
export type { BlockCodec, CodecPlace } from './codec.ts';
export { isLockstepError, LockstepError } from '../kernel/errors.ts';

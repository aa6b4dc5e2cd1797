/**
 * `lockstep/partition`: one shard of state over any log. `openPartition` follows a log, stands for leading it and leads:
 * `transact` runs a function alone and synchronously on the newest state, and tells its outcome once all that it read
 * and wrote is durable; `read` gives a snapshot, of the newest state, of one that has a given write in it (`Token`), or of
 * one that is not too old. Whoever follows has the same state, applied through the same function. `openPartitions` opens
 * several, each with a share of the slots; what their transactions `send` takes effect elsewhere exactly once. Start at
 * `openPartition` and `Partition.transact`; `EpochService` is for what acts by itself while a node leads.
 */
export { openPartition } from './open-partition.ts';
export type { PartitionEnv, PartitionOptions } from './open-partition.ts';
export type { Partition, PartitionStatus } from './partition.ts';
export { openPartitions } from './partitions.ts';
export type { Partitions, PartitionsOptions } from './partitions.ts';
export { channelDefaults } from './channel/settings.ts';
export type { ChannelSettings } from './channel/settings.ts';
export type { DeadLetter, DeadLettersOptions } from './channel/dead-letters.ts';
export type { LostMessages } from './channel/inbox.ts';
export type { MessageHandler, MessageNumber, ReceivedMessage } from './channel/message.ts';
export type { ChannelAnswer, ChannelBatch, ChannelTransport, Held, MessageInTransit } from './channel/transport.ts';
export { partitionDefaults } from './options.ts';
export type { PartitionSettings } from './options.ts';
export { commandId } from './command-id.ts';
export type { CommandId } from './command-id.ts';
export type { EpochEnd } from './group-commit.ts';
export type { Consistency, ReadOptions, ReadOutcome } from './reads.ts';
export type { Snapshot } from './snapshot.ts';
export type { Sender } from './transaction-run.ts';
export type {
  Commit,
  Committed,
  Conflicted,
  EpochService,
  EpochServiceMaker,
  Expired,
  Leading,
  NotLeader,
  RangeOptions,
  Reader,
  ReadSpace,
  Refused,
  Rejection,
  Space,
  SpaceEntry,
  SpaceRange,
  Synchronous,
  SystemEntry,
  Token,
  Transact,
  Transaction,
  TransactAsyncOptions,
  TransactOptions,
  TransactOutcome,
} from './transaction.ts';
export type { KeyPart, Tuple } from '../bytes/tuple.ts';
export type { StoredValue } from '../bytes/value-format.ts';
export { isLockstepError, LockstepError } from '../kernel/errors.ts';

/**
 * `lockstep/partition`: one shard of state over any log. `openPartition` follows a log, stands for leading it and leads:
 * `transact` runs a function alone and synchronously on the newest state, and tells its outcome once all that it read
 * and wrote is durable; `read` gives a snapshot, as new as asked for; `changes` tells what is committed, in order. Whoever
 * follows has the same state, applied through the same function. `openPartitions` opens several, each with a share of the
 * slots; what their transactions `send` takes effect elsewhere exactly once. Timers, leases and `EpochService` are for what
 * acts by itself, `restorePartition` for what was kept by `backup`. Start at `openPartition` and `Partition.transact`.
 */
export { openPartition } from './open-partition.ts';
export type { PartitionEnv, PartitionOptions } from './open-partition.ts';
export type { Partition } from './partition.ts';
export type { PartitionStatus } from './partition-status.ts';
export type { LevelMember } from './level.ts';
export { restorePartition } from './checkpoint/restore.ts';
export type { Restored, RestoreOptions } from './checkpoint/restore.ts';
export type { Backup, BackupOptions } from './checkpoint/checkpoints.ts';
export type { BackupProgress } from './checkpoint/archive.ts';
export type { CheckpointAbout } from './checkpoint/catalogue.ts';
export { checkpointsOf } from './checkpoint/source.ts';
export type { CheckpointSource, OfferedCheckpoint } from './checkpoint/source.ts';
export { openPartitions } from './partitions.ts';
export type { Partitions, PartitionsOptions } from './partitions.ts';
export { channelDefaults } from './channel/settings.ts';
export type { ChannelSettings } from './channel/settings.ts';
export type { DeadLetter, DeadLettersOptions } from './channel/dead-letters.ts';
export type { LostMessages } from './channel/inbox.ts';
export type { Later, MessageHandler, MessageNumber, ReceivedMessage } from './channel/message.ts';
export type { ChannelAnswer, ChannelBatch, ChannelTransport, Held, MessageInTransit } from './channel/transport.ts';
export { timerService } from './timer/timer-service.ts';
export type { TimerEvent, TimerObserver, TimerServiceOptions, TimerSettings } from './timer/timer-service.ts';
export type { FiredTimer, TimerHandler, TimerPolicy } from './timer/timer-fire.ts';
export { cancelTimer, deadTimers, dropDeadTimer, reviveTimer, setTimer, timerDue } from './timer/timer.ts';
export type { DeadTimer, TimerOptions, TimerSet } from './timer/timer.ts';
export { leaseService } from './lease/lease-service.ts';
export type { LeaseService } from './lease/lease-service.ts';
export { claimLease, giveUpLease, leaseStatus, releaseLease, renewLease, requireLease } from './lease/lease.ts';
export type { ClaimOutcome, Fenced, HeldBy, Lease, LeaseClaim, LeaseStatus } from './lease/lease.ts';
export type { FencingToken, LeaseId } from './lease/lease-state.ts';
export { holdLease, type LeaseHolder } from './lease/lease-holder.ts';
export type { HolderPorts, HoldOptions, HoldOutcome } from './lease/lease-holder.ts';
export type {
  ClaimAnswer,
  GiveUpAnswer,
  LeaseAccess,
  PlacedClaim,
  PlacedLease,
  ReleaseAnswer,
  RenewAnswer,
} from './lease/lease-access.ts';
export { partitionDefaults } from './options.ts';
export type { PartitionSettings } from './options.ts';
export { commandId } from './command-id.ts';
export type { CommandId } from './command-id.ts';
export type { EpochEnd } from './group-commit.ts';
export type { BeforeImage, Change } from './change-reader.ts';
export type { Changes, ChangesOptions } from './changes.ts';
export type { Holding } from './holdings.ts';
export { holdLog, logHolds, releaseLog } from './hold/log-hold.ts';
export type { LogHold, LogHoldOptions } from './hold/log-hold.ts';
export { captures, setCapture } from './capture/capture.ts';
export type { Capture, CapturedRange } from './capture/capture.ts';
export type { Consistency, ReadOptions, ReadOutcome } from './reads.ts';
export type { ScrubOutcome } from './scrub/scrub-service.ts';
export type { ScrubResult } from './scrub/scrubber.ts';
export type { Finding, Verification, VerifyOptions, VerifyProgress } from './scrub/verify.ts';
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

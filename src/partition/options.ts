/** Settings of a partition. Plain numbers, in milliseconds, bytes and counts; the defaults suit one network. */
import { LockstepError } from '../kernel/errors.ts';
import { commandWindowDefaults } from './command-window.ts';

export interface PartitionSettings {
  /** A group of transactions is appended at about this size, if the one before was not done earlier. Default 1 MiB, and what the log takes. */
  readonly groupBytesMax: number;
  /** What was run and is not durable yet, at most, in bytes of writes; then transactions are refused as `full`. Default 16 MiB. */
  readonly waitingBytesMax: number;
  /** The same, in transactions and reads. Default 100,000. */
  readonly waitingCountMax: number;
  /** The deadline of an outcome. Default 30,000. */
  readonly withinMs: number;
  /** How far the log's time may be ahead of this node's clock while it leads. Default 500. */
  readonly driftMsMax: number;
  /** With a clock that is further off it waits so long, then stops leading. Default 5,000. */
  readonly clockWaitMsMax: number;
  /** How long a command id is remembered. Default 24 h. */
  readonly commandWindowMs: number;
  /** How many are, at most: the oldest are forgotten first. Default 1,000,000. */
  readonly commandCountMax: number;
  /** A snapshot is disposed by itself after so long. Default 60,000. */
  readonly snapshotMsMax: number;
  /** So many at a time. Default 1,000. */
  readonly snapshotCountMax: number;
  /** Whoever reads changes holds so many records of the log at most. Default 100,000. */
  readonly changesRecordsMax: number;
  /** Before this node stands again after it could not, or gave up leading: at random, up to this. Default 1,000. */
  readonly standPauseMsMax: number;
  /** Whoever leads marks a revision this often, at which all replicas hash their state. Default 24 h. */
  readonly scrubEveryMs: number;
  /** A hash that takes longer is given up. Default 600,000. */
  readonly scrubWithinMs: number;
  /** Between two checkpoints that whoever leads publishes, at least; each after a flush. Default 60,000. */
  readonly checkpointEveryMs: number;
}

export const partitionDefaults: PartitionSettings = Object.freeze({
  groupBytesMax: 1024 * 1024,
  waitingBytesMax: 16 * 1024 * 1024,
  waitingCountMax: 100_000,
  withinMs: 30_000,
  driftMsMax: 500,
  clockWaitMsMax: 5_000,
  commandWindowMs: commandWindowDefaults.windowMs,
  commandCountMax: commandWindowDefaults.countMax,
  snapshotMsMax: 60_000,
  snapshotCountMax: 1_000,
  changesRecordsMax: 100_000,
  standPauseMsMax: 1_000,
  scrubEveryMs: 24 * 60 * 60_000,
  scrubWithinMs: 600_000,
  checkpointEveryMs: 60_000,
});

/** @throws LockstepError `misuse` for a setting that is none. */
export function partitionSettings(changes: Partial<PartitionSettings> = {}): PartitionSettings {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in partitionDefaults))
      throw new LockstepError('misuse', 'a partition has no such setting', { values: { name } });
    if (value !== undefined && !(Number.isFinite(value) && value > 0))
      throw new LockstepError('misuse', 'a setting of a partition is a number above 0', { values: { [name]: value } });
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return Object.freeze({ ...partitionDefaults, ...given });
}

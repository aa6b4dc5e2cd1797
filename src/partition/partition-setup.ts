/** What a partition on this node is made of: what `openPartition` puts together. */
import type { Disk } from '../env/disk.ts';
import type { Ports } from '../env/env.ts';
import type { Log } from '../log/port.ts';
import type { Waits } from '../observe/waits.ts';
import type { VerifyPorts } from '../storage/verify-tree.ts';
import type { CheckpointsSetup } from './checkpoint/checkpoints.ts';
import type { LevelMember } from './level.ts';
import type { PartitionSettings } from './options.ts';
import type { Replica } from './replica.ts';
import type { Sender } from './transaction-run.ts';
import type { EpochServiceMaker } from './transaction.ts';

export interface PartitionSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly log: Log;
  readonly key: string;
  readonly owner: string;
  readonly stands: boolean;
  readonly trims: boolean;
  readonly payloadBytesMax: number;
  readonly settings: PartitionSettings;
  readonly services: readonly EpochServiceMaker[];
  readonly sender: Sender | null;
  readonly members: () => readonly LevelMember[];
  readonly replica: Replica;
  /** Of the tree. */
  readonly disk: Disk;
  readonly tables: () => VerifyPorts;
  readonly checkpoints: Pick<CheckpointsSetup, 'ports' | 'state' | 'treeOptions' | 'store' | 'peers'>;
  readonly onClosed: () => Promise<void>;
}

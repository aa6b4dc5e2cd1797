/** Opens a partition: its tree in a directory, its place in the log. */
import type { CheckpointStore } from '../checkpoint/port.ts';
import type { Ports } from '../env/env.ts';
import { takeDirectory } from '../log/file-owner.ts';
import type { Log } from '../log/port.ts';
import type { Waits } from '../observe/waits.ts';
import { treeOptions, type TreeOptions } from '../storage/options.ts';
import type { Tree } from '../storage/tree.ts';
import { WriterPressure } from '../storage/writer-pressure.ts';
import { formatLevel } from './group-payload.ts';
import type { LevelMember } from './level.ts';
import { openState } from './checkpoint/install.ts';
import type { CheckpointSource } from './checkpoint/source.ts';
import { StateDirectory } from './checkpoint/state-directory.ts';
import { partitionSettings, type PartitionSettings } from './options.ts';
import { Partition } from './partition.ts';
import { Replica } from './replica.ts';
import type { Sender } from './transaction-run.ts';
import type { EpochServiceMaker } from './transaction.ts';

export interface PartitionOptions {
  /** Opened by the caller, who also closes it, after the partition. */
  readonly log: Log;
  /** The largest payload that it takes: `guarantees.payloadBytesMax` of its engine. */
  readonly payloadBytesMax: number;
  /** Where the state is kept, on the env's disk; made if it is not there. It is this partition's alone. */
  readonly directory: string;
  /** Goes on where the file system is of a kind that trees are not made for. Default false. */
  readonly anyFileSystem?: boolean | undefined;
  /** Takes the directory from a process of which this machine cannot tell whether it runs. Default false. */
  readonly takeOver?: boolean | undefined;
  /** This node's name, which stands in its claims: whom others are told to ask. */
  readonly owner: string;
  /** Its name among waits. Default `partition`. */
  readonly name?: string | undefined;
  /** False: it only follows. Default true. */
  readonly stands?: boolean | undefined;
  /** Whether the log is trimmed, while this node leads, of what its own tables have. With several nodes only where there are `checkpoints`. Default true. */
  readonly trims?: boolean | undefined;
  /**
   * Where checkpoints are published while this node leads, and fetched when the log no longer has what this node lacks:
   * the same for all nodes, and this partition's alone. With it the log is trimmed only up to what the older of the last
   * two published ones needs. Default: none; then only a node that is alone may trim.
   */
  readonly checkpoints?: CheckpointStore | undefined;
  /** Asked for a checkpoint before the store is. */
  readonly peers?: readonly CheckpointSource[] | undefined;
  readonly waits?: Waits | undefined;
  /** Made anew for each epoch that this node leads. */
  readonly services?: readonly EpochServiceMaker[] | undefined;
  /** How `Transaction.send` sends. Default: it is `misuse`. */
  readonly sender?: Sender | undefined;
  /**
   * All nodes that follow the log, and the newest format level that each announced: the level is raised once all read a
   * higher one. Called while this node leads; it must not throw. Default: this node alone.
   */
  readonly members?: (() => readonly LevelMember[]) | undefined;
  readonly settings?: Partial<PartitionSettings> | undefined;
  readonly tree?: Partial<TreeOptions> | undefined;
}

export type PartitionEnv = Pick<Ports, 'clock' | 'timers' | 'randomness' | 'disk' | 'jobs' | 'ownership'>;

/**
 * Opens it and begins to follow the log, and to stand for leading it.
 * @throws LockstepError `in-use` when another process has the directory; `misuse` for settings that are none; `corrupt` for damage, with path and offset; `invalid` for
 * another format; `disk-full`, `disk-failed`.
 */
export function openPartition(env: PartitionEnv, options: PartitionOptions): Promise<Partition> {
  return openPartitionOfLevel(env, options, formatLevel);
}

/** As a version of the product does that reads and writes up to this level: to test one beside another. */
export async function openPartitionOfLevel(
  env: PartitionEnv,
  options: PartitionOptions,
  levelMax: number,
): Promise<Partition> {
  const { log, payloadBytesMax, directory, owner, waits = null, sender = null } = options;
  const { name = 'partition', stands = true, trims = true, services = [] } = options;
  const settings = partitionSettings(options.settings);
  const treeSettings = treeOptions(options.tree);
  env.disk.makeDirectory(directory);
  const { anyFileSystem } = options;
  const place = await takeDirectory(env, directory, directory, {
    waits: options.waits,
    anyFileSystem,
    takeOver: options.takeOver === true ? 'unproven' : 'never',
  });
  let tree: Tree | null = null;
  try {
    const state = new StateDirectory(env.disk, directory);
    await state.clearOthers();
    tree = await openState(env, state.tables, treeSettings);
    const replica = new Replica(
      log,
      tree,
      new WriterPressure(env, tree, treeSettings, waits, 'make-durable'),
      levelMax,
    );
    const { clock, timers, randomness } = env;
    return new Partition({
      ports: { clock, timers, randomness },
      waits,
      log,
      key: name,
      owner,
      stands,
      trims,
      payloadBytesMax,
      settings,
      services,
      sender,
      members: options.members ?? (() => []),
      replica,
      disk: env.disk,
      tables: () => ({ jobs: env.jobs, directory: state.tables, codec: treeSettings.codec }),
      checkpoints: {
        ports: env,
        state,
        treeOptions: treeSettings,
        store: options.checkpoints ?? null,
        peers: options.peers ?? [],
      },
      onClosed: () => place.leave(),
    });
  } catch (error) {
    await tree?.close();
    await place.leave();
    throw error;
  }
}

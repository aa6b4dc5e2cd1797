/**
 * Backups of a whole node, in a directory: a store for each of its partitions, and a file that says what they are of. A
 * node is restored of it into another directory, where `open` finds it.
 *
 *     backup.json     {"format":1,"app":NAME,"partitions":COUNT}
 *     partition-N/    the checkpoint store of partition N, with its newest two backups
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { directoryCheckpoints } from '../checkpoint/directory.ts';
import { LockstepError } from '../kernel/errors.ts';
import { closingEngine } from '../log/closing-engine.ts';
import { openFileEngine } from '../log/file-owner.ts';
import type { LogEngine } from '../log/port.ts';
import type { LockstepNode } from '../node/node.ts';
import type { BackupProgress } from '../partition/checkpoint/archive.ts';
import type { Backup } from '../partition/checkpoint/checkpoints.ts';
import { restorePartition, type Restored } from '../partition/checkpoint/restore.ts';
import { openHostEnv } from './env.ts';
import { logFolder, stateFolder } from './open.ts';
import { codeOf } from './system-code.ts';

export interface NodeBackup {
  readonly app: string;
  /** In the order of their numbers. */
  readonly partitions: readonly Backup[];
}

export interface NodeBackupOptions {
  /** How many backups of each partition stay, this one included; at least 2. Default 2. */
  readonly keep?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After each file. */
  readonly onProgress?: ((progress: NodeBackupProgress) => void) | undefined;
}

/** Of one partition; they are backed up one after the other. */
export interface NodeBackupProgress extends BackupProgress {
  readonly partition: number;
}

export interface RestoreNodeOptions {
  /** Where the node is to be; there is none. */
  readonly data: string;
  /** Where its logs are to be, when not in the directory. The caller closes it. Default: files in the directory. */
  readonly log?: LogEngine | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoredNode {
  readonly app: string;
  readonly partitions: readonly Restored[];
}

interface Described {
  readonly app: string;
  readonly partitions: number;
}

const format = 1;
const fileName = 'backup.json';
const storeOf = (index: number): string => `partition-${index}`;

/**
 * Keeps a backup of all partitions in a directory of this machine, while the node serves; of each partition one moment, one
 * partition after the other. What the directory has already is not written again.
 * @throws LockstepError `misuse` for a directory with backups of something else; as `Partition.backup`.
 */
export async function backup(
  node: LockstepNode,
  directory: string,
  { keep, signal, onProgress }: NodeBackupOptions = {},
): Promise<NodeBackup> {
  const { app, partitions: all } = node;
  describe(directory, { app: app.name, partitions: all.count });
  await using env = await openHostEnv({ data: directory });
  const partitions: Backup[] = [];
  for (const index of all.map.partitions) {
    const store = await directoryCheckpoints(env, storeOf(index));
    const tell = (progress: BackupProgress): void => onProgress?.({ partition: index, ...progress });
    partitions.push(await all.at(index).backup(store, { keep, signal, onProgress: tell }));
  }
  return { app: app.name, partitions };
}

/**
 * Makes a node of the newest backup of each partition, with the same revisions: tokens and command ids of before are good as
 * far as the backup goes. Nothing is there afterwards if it fails; then the directory can be removed.
 * @throws LockstepError `invalid` for a directory without a backup; `misuse` where there is a node; as `restorePartition`.
 */
export async function restore(directory: string, { data, log, signal }: RestoreNodeOptions): Promise<RestoredNode> {
  const { app, partitions: count } = described(directory);
  await using source = await openHostEnv({ data: directory });
  await using env = await openHostEnv({ data });
  const engine = log ?? closingEngine(await openFileEngine(env, logFolder, { calledDirectory: resolve(data) }), env);
  try {
    const names = await engine.list();
    if (names.includes(`${app}-0`))
      throw new LockstepError('misuse', 'there is a node already; nothing was changed', {
        values: { data, log: `${app}-0` },
        advice: ['restore into a new directory'],
      });
    const partitions: Restored[] = [];
    for (let index = 0; index < count; index++) partitions.push(await restoreOne(index));
    return { app, partitions };
  } finally {
    if (log === undefined) await engine.close();
  }

  async function restoreOne(index: number): Promise<Restored> {
    const store = await directoryCheckpoints(source, storeOf(index));
    const opened = await engine.open(`${app}-${index}`, { create: true });
    if (opened === null) throw new LockstepError('unavailable', 'a log was not made', { values: { index } });
    try {
      return await restorePartition(env, { store, log: opened, directory: `${stateFolder}/${index}`, signal });
    } finally {
      await opened.close();
    }
  }
}

/** Says what the directory is for, or finds that it was said before. */
function describe(directory: string, what: Described): void {
  const before = readDescription(directory);
  if (before !== null) {
    if (before.app === what.app && before.partitions === what.partitions) return;
    throw new LockstepError('misuse', 'this directory has backups of something else; nothing was written', {
      values: { directory, app: before.app, partitions: before.partitions },
    });
  }
  mkdirSync(directory, { recursive: true });
  const draft = join(directory, `${fileName}.new`);
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify({ format, ...what })}\n`, { flush: true });
  renameSync(draft, join(directory, fileName));
}

function described(directory: string): Described {
  const found = readDescription(directory);
  if (found !== null) return found;
  throw new LockstepError('invalid', 'there is no backup in this directory', { values: { directory } });
}

function readDescription(directory: string): Described | null {
  let text: string;
  try {
    text = readFileSync(join(directory, fileName), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  const { format: itsFormat, app, partitions } = parsed(text, directory);
  if (itsFormat === format && typeof app === 'string' && typeof partitions === 'number') return { app, partitions };
  throw new LockstepError('invalid', 'a backup of a format that this version does not read', {
    values: { directory, format: String(itsFormat) },
  });
}

function parsed(text: string, directory: string): { readonly [name: string]: unknown } {
  try {
    return JSON.parse(text) as { readonly [name: string]: unknown };
  } catch (cause) {
    throw new LockstepError('corrupt', 'what a backup says of itself is damaged', {
      values: { path: join(directory, fileName) },
      cause,
    });
  }
}

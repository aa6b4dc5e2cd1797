/**
 * Backups that the process of a node makes when it is asked to. Who asks is told how far it is as long as it takes, by asking
 * again; a backup goes on though nobody asks any more.
 */
import { isAbsolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../kernel/errors.ts';
import type { LockstepNode } from '../node/node.ts';
import { backup, type NodeBackup, type NodeBackupProgress } from '../os/backup.ts';
import type { NodeAction } from '../server/node-handler.ts';

/** POST: `?to=`, a directory of the node's machine. */
export const backupPath = '/backup';

export type BackupAnswer =
  | { readonly kind: 'running'; readonly progress: NodeBackupProgress | null }
  | ({ readonly kind: 'done' } & NodeBackup);

/** For so long who asks waits for news, in milliseconds. */
const answerMsMax = 1_000;

interface Running {
  readonly ended: Promise<NodeBackup>;
  progress: NodeBackupProgress | null;
}

/** For `serve`. */
export function backupActions(node: LockstepNode): Readonly<Record<string, NodeAction>> {
  const running = new Map<string, Running>();
  return { [backupPath]: (query) => ask(node, running, query.get('to') ?? '') };
}

async function ask(node: LockstepNode, running: Map<string, Running>, to: string): Promise<BackupAnswer> {
  if (!isAbsolute(to))
    throw new LockstepError('misuse', 'a backup goes to a directory, named from the root', { values: { to } });
  const found = running.get(to);
  const one = found ?? begin(node, to);
  if (found === undefined) running.set(to, one);
  const waited = sleep(answerMsMax, null, { ref: false });
  try {
    const ended = await Promise.race([one.ended, waited]);
    if (ended === null) return { kind: 'running', progress: one.progress };
    running.delete(to);
    return { kind: 'done', ...ended };
  } catch (error) {
    running.delete(to);
    throw error;
  }
}

function begin(node: LockstepNode, to: string): Running {
  const ended = backup(node, to, { onProgress: (progress) => (one.progress = progress) });
  ended.catch(() => {}); // whoever asks next is told
  const one: Running = { ended, progress: null };
  return one;
}

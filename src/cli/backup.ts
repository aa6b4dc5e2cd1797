/** `lockstep backup`, through the node that runs, and `lockstep restore`, into a directory where none is. */
import { resolve } from 'node:path';
import { restore } from '../os/backup.ts';
import type { Backup } from '../partition/checkpoint/checkpoints.ts';
import { jsonOf } from '../server/wire.ts';
import { backupPath, type BackupAnswer } from './backup-action.ts';
import { counted, line, mebibytes, seconds } from './line.ts';
import { Progress } from './progress.ts';
import { remoteTo, type WhichNode } from './running-node.ts';

export interface BackupOptions extends WhichNode {
  readonly json: boolean;
}

/** The exit code. */
export async function backupNode(directory: string, options: BackupOptions): Promise<number> {
  const remote = remoteTo(options);
  const to = resolve(directory);
  const begun = performance.now();
  using progress = new Progress();
  for (;;) {
    const answer: BackupAnswer = await remote.post(`${backupPath}?${new URLSearchParams({ to }).toString()}`);
    if (answer.kind === 'done') {
      progress.end();
      const tookMs = performance.now() - begun;
      console.log(options.json ? jsonOf(answer) : doneText(answer.partitions, to, tookMs));
      return 0;
    }
    if (answer.progress === null) progress.tell('what is new is flushed');
    else {
      const { partition, bytesDone, bytes } = answer.progress;
      progress.tell(`partition ${partition}`, `${mebibytes(bytesDone)} of ${mebibytes(bytes)}`);
    }
  }
}

function doneText(partitions: readonly Backup[], to: string, tookMs: number): string {
  const all = partitions.reduce((sum, { bytes }) => sum + bytes, 0);
  const fresh = partitions.reduce((sum, { bytesNew }) => sum + bytesNew, 0);
  const size = `${mebibytes(all)}, ${mebibytes(fresh)} of it new`;
  return line('backup', to, counted(partitions.length, 'partition'), size, seconds(tookMs));
}

/** The exit code. */
export async function restoreNode(source: string, data: string, { json }: { readonly json: boolean }): Promise<number> {
  const begun = performance.now();
  const restored = await restore(resolve(source), { data });
  if (json) console.log(jsonOf(restored));
  else {
    const tookMs = performance.now() - begun;
    const newest = restored.partitions.map(({ revision }) => revision).join(', ');
    console.log(
      line(
        'restored',
        data,
        counted(restored.partitions.length, 'partition'),
        `up to revision ${newest}`,
        seconds(tookMs),
      ),
    );
  }
  return 0;
}

/**
 * A list of lines that survives: a line is answered for once it is on the disk, with its checksum, in a file whose
 * name is on the disk as well.
 */
import type { Disk, DiskFile, Env, NodeAddress } from 'lockstep/env';
import { encodeFrame, readFrame } from '../../../src/bytes/frame.ts';
import { answerCalls } from '../../../src/sim/cluster/calls.ts';

const directory = 'journal';
const path = `${directory}/lines`;
const lineBytesMax = 65_536;

export interface JournalOptions {
  /** False is a planted bug: answers for what is only in memory, and syncs it later. */
  readonly syncsFirst: boolean;
  /** False is a planted bug: the file is there, but its name may not be. */
  readonly syncsDirectory: boolean;
}

export type JournalRequest =
  | { readonly kind: 'append'; readonly id: string; readonly text: string }
  | { readonly kind: 'list' };

export async function journal(env: Env, address: NodeAddress, options: JournalOptions): Promise<never> {
  const file = await openFile(env.disk, options);
  const { lines, end } = await recover(file);
  let position = end;
  return answerCalls(env, address, async (json) => {
    const request = json as unknown as JournalRequest;
    if (request.kind === 'list') return lines;
    const line = `${request.id} ${request.text}`;
    if (!lines.includes(line)) {
      const frame = encodeFrame(new TextEncoder().encode(line));
      file.write(frame, position);
      position += frame.length;
      lines.push(line);
    }
    // A line that was there already may not be on the disk yet, either.
    if (options.syncsFirst) await file.sync();
    else env.timers.after(20, () => void file.sync().catch(() => undefined));
    return 'appended';
  });
}

async function openFile(disk: Disk, { syncsDirectory }: JournalOptions): Promise<DiskFile> {
  disk.makeDirectory(directory);
  const file = disk.open(path, 'create') ?? disk.open(path, 'write');
  if (file === null) throw new Error('a file that could not be created is there');
  // Also when both were there: whoever made them may have died before it synced their names.
  if (syncsDirectory) {
    await disk.syncDirectory('');
    await disk.syncDirectory(directory);
  }
  return file;
}

/**
 * Reads all whole lines, cuts off the rest (nobody was told that it is there), and writes what it read once more: after
 * a failed sync a file reads back as if it had been written, and only what is written anew is synced anew.
 */
async function recover(file: DiskFile): Promise<{ readonly lines: string[]; readonly end: number }> {
  const bytes = new Uint8Array(file.size());
  await file.load(bytes, 0);
  const lines: string[] = [];
  let end = 0;
  for (;;) {
    const read = readFrame(bytes, end, { payloadBytesMax: lineBytesMax });
    if (read.kind !== 'frame') break;
    lines.push(new TextDecoder().decode(read.payload));
    end = read.end;
  }
  file.write(bytes.subarray(0, end), 0);
  file.truncate(end);
  await file.sync();
  return { lines, end };
}

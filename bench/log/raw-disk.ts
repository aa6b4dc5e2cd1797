/**
 * The disk with nothing in between: write a block behind the last, wait for fdatasync, again. `growing`: the file
 * becomes longer, so that its length is synced too. `preallocated`: over blocks that were written and synced before.
 * `blocking` waits on the thread itself, which saves the hop to Node's thread pool and stops everything else meanwhile.
 */
import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Durability, Side, WorkDone } from '../harness.ts';
import { openFolder } from './folder.ts';
import { PauseMeter } from './pause-meter.ts';

type Manner = 'growing' | 'growing, blocking' | 'preallocated';

const durability: Durability = 'machine';
const sync = promisify(fdatasync);

export const rawName = (manner: Manner, blockBytes: number): string => `raw ${blockBytes / 1_024} KiB, ${manner}`;

/** `recordBytes`: what the row counts; a block holds a whole number of them. */
export function rawDisk(manner: Manner, blockBytes: number, recordBytes = blockBytes): Side {
  const name = rawName(manner, blockBytes);
  const prepare: Side['prepare'] = (records) => {
    const blocks = Math.ceil((records * recordBytes) / blockBytes);
    const folder = openFolder();
    const path = join(folder.path, 'raw');
    if (manner === 'preallocated') writeZeros(path, blocks, blockBytes);
    const pauses = new PauseMeter();
    const run = async (): Promise<WorkDone> => {
      const fd = openSync(path, manner === 'preallocated' ? 'r+' : 'w');
      pauses.start();
      try {
        const latenciesMs = await appendAll(fd, manner === 'growing, blocking', blocks, blockBytes);
        const pauseMs = pauses.stop();
        const facts: Record<string, number> = manner === 'growing, blocking' ? {} : { 'longest pause ms': pauseMs };
        const operations = (blocks * blockBytes) / recordBytes;
        return { checksum: blocks * blockBytes, operations, bytes: blocks * blockBytes, latenciesMs, facts };
      } finally {
        closeSync(fd);
        if (manner !== 'preallocated') rmSync(path); // so that the next run grows again
      }
    };
    return { run, close: () => folder.remove() };
  };
  return { name, durability, prepare };
}

async function appendAll(fd: number, blocking: boolean, blocks: number, blockBytes: number): Promise<Float64Array> {
  const block = new Uint8Array(blockBytes);
  const latenciesMs = new Float64Array(blocks);
  for (let index = 0; index < blocks; index++) {
    block.fill(index + 1);
    const startedAt = performance.now();
    if (writeSync(fd, block, 0, blockBytes, index * blockBytes) < blockBytes) throw new Error('the disk took a part');
    if (blocking) fdatasyncSync(fd);
    else await sync(fd);
    latenciesMs[index] = performance.now() - startedAt;
  }
  return latenciesMs;
}

function writeZeros(path: string, blocks: number, blockBytes: number): void {
  const fd = openSync(path, 'w');
  const zeros = new Uint8Array(blockBytes);
  for (let index = 0; index < blocks; index++) writeSync(fd, zeros, 0, blockBytes, index * blockBytes);
  fsyncSync(fd);
  closeSync(fd);
}

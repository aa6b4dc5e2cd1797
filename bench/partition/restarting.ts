/** The side of `restart.ts`: each run loads a partition anew, and what is timed is how soon another process leads it. */
import type { Side, WorkDone } from '../harness.ts';
import { onFile } from './grounds.ts';
import { measureRestart } from './restart.ts';

export const restartFacts = { close: 'after a close ms', kill: 'after kill -9 ms' } as const;

export function restarting(keys: number): Side {
  const run = async (): Promise<WorkDone> => {
    const { afterCloseMs, afterKillMs, replayedAfterKill } = await measureRestart(keys);
    const facts = { [restartFacts.close]: afterCloseMs, [restartFacts.kill]: afterKillMs, replayed: replayedAfterKill };
    return { checksum: keys, ms: afterKillMs, facts };
  };
  return { name: onFile.name, durability: onFile.durability, prepare: () => run };
}

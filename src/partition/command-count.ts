/**
 * How many command ids a leader finds, counted a part at a time, between which others run. Until it is done fewer are counted
 * than there are, which forgets none early.
 */
import { compareRanges } from '../bytes/compare.ts';
import type { Timers } from '../env/timers.ts';
import { timeOfCommand, timePrefix } from './command-id.ts';
import type { CommandWindow } from './command-window.ts';
import { KeySpace } from './key-space.ts';
import { systemNames, type Replica } from './replica.ts';
import { TreeReader } from './tree-reader.ts';

const nothing = new Uint8Array(0);
/** So many at a time: half a millisecond. */
const countedAtOnce = 1_000;
/** Between two parts, so that others lose a tenth of their time meanwhile and not half: nobody waits for the count. */
const pauseMs = 4;

/** Ids that are counted together. */
interface IdRun {
  /** Of the first. */
  readonly ms: number;
  /** The key behind all of them. */
  readonly end: Uint8Array;
  count: number;
}

interface CountSetup {
  readonly replica: Replica;
  readonly timers: Timers;
  readonly commands: CommandWindow;
  readonly onFailed: (error: unknown) => void;
}

/**
 * Of those that are durable now: what comes is counted as it comes, and what is on its way to the log, a few at most, is not.
 * What it returns ends it.
 */
export function countCommands({ replica, timers, commands, onFailed }: CountSetup): () => void {
  const { revision, held } = replica.holdDurable();
  const reader = new TreeReader(replica.tree, { revision: () => revision, walking: (walk) => walk.release });
  const ids = KeySpace.ofSystem(systemNames.command);
  // What was forgotten is passed over: many entries may stand there still, under the tombstone of their range.
  let after = ids.key([timePrefix(commands.horizon)]);
  const [last] = reader.space(ids).range({ reverse: true, limit: 1 });
  const upTo = last === undefined ? after : ids.key(last[0]);
  const part = (): boolean => {
    let count = 0;
    let run: IdRun = { ms: 0, end: nothing, count: 0 };
    for (const { keyBytes, keyStart, keyEnd } of reader.keys(after, upTo)) {
      // Of those that are counted together the time of the first alone is asked for: they stand in the order of time.
      if (compareRanges(keyBytes, keyStart, keyEnd, run.end, 0, run.end.length) >= 0) {
        if (run.count > 0) commands.add(run.ms, run.count);
        const ms = timeOfCommand(String(ids.tupleOf(keyBytes, keyStart, keyEnd)[0]));
        run = { ms, end: ids.key([timePrefix(commands.endOfStep(ms))]), count: 0 };
      }
      run.count++;
      if (++count < countedAtOnce) continue;
      after = keyBytes.slice(keyStart, keyEnd);
      break;
    }
    if (run.count > 0) commands.add(run.ms, run.count);
    return count === countedAtOnce;
  };
  const step = (): void => {
    try {
      if (part()) timer = timers.after(pauseMs, step);
      else held.release();
    } catch (error) {
      held.release();
      onFailed(error);
    }
  };
  let timer = timers.after(0, step);
  return () => {
    timer.cancel();
    held.release();
  };
}

/**
 * Standing for leadership: until this node is the writer, and has read everything up to its claim. A node whose clock is
 * far behind the log's time does not stand, nor does one that does not know the level in force; one whose clock jumped ahead
 * lets others go first.
 */
import type { SteadyWall } from '../clock/steady-wall.ts';
import { hybridWall } from '../clock/timestamp.ts';
import type { Ports } from '../env/env.ts';
import type { Log, LogWriter } from '../log/port.ts';
import { isPassing, pause } from '../log/within.ts';
import type { Waits } from '../observe/waits.ts';
import type { PartitionSettings } from './options.ts';
import type { Progress } from './progress.ts';
import type { Replica } from './replica.ts';

export interface StandingSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly log: Log;
  readonly key: string;
  readonly owner: string;
  readonly settings: PartitionSettings;
  readonly replica: Replica;
  readonly wall: SteadyWall;
  readonly progress: Progress;
  /** It led before, or gave up: it lets others go first, for a random while. */
  readonly pausesFirst: boolean;
  readonly signal: AbortSignal;
}

/** How long an overlong wait for the end of the own claim may take before it is given up. */
const catchUpMsMax = 60_000;

/** Null: not now. @throws what does not pass; the signal's reason. */
export async function stand(setup: StandingSetup): Promise<LogWriter | null> {
  const { ports, log, key, owner, replica, settings, progress, pausesFirst, signal } = setup;
  const pauseAtRandom = (): Promise<void> =>
    pause(ports.timers, ports.randomness.float() * settings.standPauseMsMax, [signal]);
  await levelKnown(setup);
  if (pausesFirst) await pauseAtRandom();
  await clockNear(setup);
  await othersFirst(setup);
  let writer: LogWriter;
  try {
    writer = await log.acquire({ owner, signal });
  } catch (error) {
    if (!isPassing(error)) throw error;
    await pauseAtRandom();
    return null;
  }
  try {
    const waitsFor = `its own claim at position ${writer.start}`;
    const about = { what: 'lead', key, waitsFor, withinMs: catchUpMsMax, signal };
    await progress.until(() => replica.place.position >= writer.start || writer.lost.aborted, about);
  } catch (error) {
    await writer.release();
    if (!isPassing(error)) throw error;
    return null;
  }
  replica.noteLevel();
  if (replica.level <= replica.levelMax) return writer;
  await writer.release();
  return null;
}

/** A node that is too old waits until it is replaced. */
async function levelKnown({ ports, waits, key, replica, signal }: StandingSetup): Promise<void> {
  replica.noteLevel();
  const { level, levelMax } = replica;
  if (level <= levelMax) return;
  const waitsFor = `a version of the product that writes level ${level}, which is in force; this one writes ${levelMax}`;
  const wait = waits?.enterIfRoom({ what: 'lead', key, waitsFor, withinMs: null });
  try {
    await pause(ports.timers, Infinity, [signal]);
  } finally {
    wait?.leave();
  }
}

async function clockNear({ ports, waits, key, replica, settings, signal }: StandingSetup): Promise<void> {
  const aheadMs = (): number => (replica.time === null ? 0 : hybridWall(replica.time) - ports.clock.wall());
  if (aheadMs() <= settings.driftMsMax) return;
  const waitsFor = `this node's clock, which is ${aheadMs()} ms behind the log's time`;
  const wait = waits?.enterIfRoom({ what: 'lead', key, waitsFor, withinMs: null });
  try {
    while (aheadMs() > settings.driftMsMax)
      await pause(ports.timers, Math.min(aheadMs() - settings.driftMsMax, settings.clockWaitMsMax), [signal]);
  } finally {
    wait?.leave();
  }
}

/**
 * Whether a clock that jumped ahead is right now, or was before, nobody here can know: a node whose clock did not jump
 * leads if there is one, and otherwise this one does, by the time that it has.
 */
async function othersFirst({ ports, waits, key, wall, settings, signal }: StandingSetup): Promise<void> {
  wall.wall();
  if (wall.jumpMs === 0) return;
  const waitsFor = `others to lead, since this node's clock jumped ahead by ${Math.round(wall.jumpMs)} ms`;
  const wait = waits?.enterIfRoom({ what: 'lead', key, waitsFor, withinMs: null });
  try {
    await pause(ports.timers, settings.clockWaitMsMax, [signal]);
  } finally {
    wait?.leave();
  }
}

/** How far a projection is, in words: for `explain`, and for whoever waits for it. */
import type { ProjectionState } from './state.ts';

/** Of a whole, in per cent, rounded down: 100 is all. */
export const percentOf = (position: number, newest: number): number =>
  position >= newest ? 100 : Math.floor((position * 100) / newest);

/** What it waits for; null: it goes on as events come. `newest`: the revision of the newest event. */
export function progressText({ phase, position, stopped }: ProjectionState, newest: number): string | null {
  if (stopped !== null) {
    const { machine, key, version } = stopped.event;
    const since = new Date(stopped.sinceMs).toISOString();
    return `'retry' or 'skip': it stopped at ${machine}/${key}@${version} at ${since}: ${stopped.error}`;
  }
  if (position === null || phase === 'live') return null;
  return `all events: it is at revision ${position} of ${newest}, ${percentOf(position, newest)} %`;
}

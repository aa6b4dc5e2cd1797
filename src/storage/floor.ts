/** Which versions are kept: everything that somebody reads or may ask for, and nothing below it. */

/** A revision that was the newest one at this time, in milliseconds by the clock of whoever keeps the list. */
export interface RevisionTime {
  readonly atMs: number;
  readonly revision: number;
}

export interface FloorInputs {
  /** As it is; it never goes back. */
  readonly floor: number;
  /** The newest revision that everybody may read. */
  readonly newest: number;
  /** The oldest revision that somebody holds; null when nobody holds any. */
  readonly oldestHeld: number | null;
  /** In order of time. */
  readonly times: readonly RevisionTime[];
  readonly nowMs: number;
  /** Each revision stays readable for so long after a newer one came; 0: only for who holds it. */
  readonly keepMs: number;
}

/**
 * The floor from now on: below it no revision is read, and of each key the newest version not above it is the oldest one
 * that is kept. A function of its inputs alone, so that a leader can say it and all replicas keep the same.
 */
export function nextFloor({ floor, newest, oldestHeld, times, nowMs, keepMs }: FloorInputs): number {
  const wanted = Math.min(newest, oldestHeld ?? Infinity, keepMs > 0 ? newestBefore(times, nowMs - keepMs) : Infinity);
  return Math.max(floor, wanted);
}

/** What was the newest revision at that time, as far as is known; -Infinity when nothing is known of it. */
function newestBefore(times: readonly RevisionTime[], ms: number): number {
  const known = times.findLast(({ atMs }) => atMs <= ms);
  return known?.revision ?? -Infinity;
}

/** How finely revisions are told by their time: in so many parts of the time for which they are kept. */
const partsMax = 64;

/** The list for `nextFloor`: a revision now and then, as long as it is needed. */
export class RevisionTimes {
  readonly list: RevisionTime[] = [];
  readonly #keepMs: number;

  /** `keepMs`: as `nextFloor` has it. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** This is the newest revision now. */
  note(nowMs: number, revision: number): void {
    if (this.#keepMs === 0) return;
    const { list } = this;
    const last = list.at(-1);
    if (last !== undefined && nowMs - last.atMs < this.#keepMs / partsMax) return;
    list.push({ atMs: nowMs, revision });
    const needed = list.findLastIndex(({ atMs }) => atMs <= nowMs - this.#keepMs);
    if (needed > 0) list.splice(0, needed);
  }
}

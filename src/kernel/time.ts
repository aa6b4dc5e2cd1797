import { assert } from './assert.ts';
import type { Brand } from './brand.ts';
import { LockstepError } from './errors.ts';

/** A moment of one process' monotonic clock, in milliseconds since an origin of its own. For intervals; never stored, never sent. */
export type Instant = Brand<number, 'Instant'>;
/** A moment of the wall clock, in whole milliseconds since 1970 UTC. It may jump; only ever data. */
export type WallTime = Brand<number, 'WallTime'>;

export function instant(ms: number): Instant {
  assert(Number.isFinite(ms) && ms >= 0, 'an instant is a finite number of milliseconds');
  return ms as Instant;
}
export const instantAfter = (from: Instant, ms: number): Instant => instant(from + ms);
export const elapsedMs = (from: Instant, to: Instant): number => to - from;

export function wallTime(ms: number): WallTime {
  assert(Number.isSafeInteger(ms), 'wall time is a whole number of milliseconds');
  return ms as WallTime;
}

/** A duration as users write it: a number and its unit, `'30s'`, `'1.5h'`. A bare number compiles nowhere. */
export type Duration = `${number}${'ms' | 's' | 'min' | 'h' | 'd'}`;

const unitMs = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const shape = /^(\d+(?:\.\d+)?)(ms|s|min|h|d)$/;

/**
 * Milliseconds in a duration.
 * @throws LockstepError `misuse` for anything but a number of at least 0 and a unit.
 */
export function durationMs(duration: Duration): number {
  const match = shape.exec(duration);
  const ms = match === null ? NaN : Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  if (!Number.isFinite(ms)) {
    throw new LockstepError('misuse', 'a duration is a number and a unit', {
      values: { duration: String(duration) },
      advice: ["for example '250ms', '30s', '5min', '1.5h' or '7d'"],
    });
  }
  return ms;
}

/**
 * The time of a hybrid logical clock as one safe integer: 41 bits of milliseconds above 12 bits of counter, so that
 * numbers compare as times do. Milliseconds count from 2020-01-01 UTC, not from 1970: 41 bits reach 69.7 years, which
 * from 1970 would end in 2039 and from 2020 ends on 2089-09-06.
 */
import type { Brand } from '../kernel/brand.ts';
import { wallTime, type WallTime } from '../kernel/time.ts';

/** Compare with `<` and `===`; store and send as a number. From 0 to 2^53 - 1. */
export type HybridTimestamp = Brand<number, 'HybridTimestamp'>;

/** How many timestamps one millisecond holds. */
const countPerMs = 4_096;
const originMs = Date.UTC(2020, 0, 1);

/** The first and the last wall time that a timestamp can hold. */
export const hybridWallMin: WallTime = wallTime(originMs);
export const hybridWallMax: WallTime = wallTime(originMs + 2 ** 41 - 1);

export interface HybridParts {
  readonly wall: WallTime;
  /** 0 to 4,095: tells apart what happened in one millisecond. */
  readonly counter: number;
}

/** A number that was stored or received, as a timestamp; null when it is none. */
export function hybridTimestamp(value: number): HybridTimestamp | null {
  return Number.isSafeInteger(value) && value >= 0 ? (value as HybridTimestamp) : null;
}

/** The inverse of `hybridParts`; null when the parts are out of range. */
export function hybridOf({ wall, counter }: HybridParts): HybridTimestamp | null {
  if (!(wall >= hybridWallMin && wall <= hybridWallMax)) return null;
  if (!(Number.isInteger(counter) && counter >= 0 && counter < countPerMs)) return null;
  return hybridTimestamp((wall - originMs) * countPerMs + counter);
}

export function hybridParts(timestamp: HybridTimestamp): HybridParts {
  const counter = timestamp % countPerMs;
  return { wall: wallTime((timestamp - counter) / countPerMs + originMs), counter };
}

/** Its milliseconds as wall time; no allocation. */
export const hybridWall = (timestamp: HybridTimestamp): WallTime =>
  (Math.floor(timestamp / countPerMs) + originMs) as WallTime;

/** The least timestamp after this one. A full counter borrows the next millisecond. Null after the very last. */
export const nextHybrid = (timestamp: HybridTimestamp): HybridTimestamp | null => hybridTimestamp(timestamp + 1);

/** For `sort`: below 0 when `a` is earlier. */
export const compareHybrid = (a: HybridTimestamp, b: HybridTimestamp): number => a - b;

/** Without the counter: two timestamps may give one date. */
export const hybridDate = (timestamp: HybridTimestamp): Date => new Date(hybridWall(timestamp));

/** `2026-11-22T12:00:07.381Z.0042`: texts order as the timestamps do. */
export function printHybrid(timestamp: HybridTimestamp): string {
  const { wall, counter } = hybridParts(timestamp);
  return `${new Date(wall).toISOString()}.${String(counter).padStart(4, '0')}`;
}

const shape = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)\.(\d{4})$/;

/** The inverse of `printHybrid`; null for any other text. */
export function parseHybrid(text: string): HybridTimestamp | null {
  const match = shape.exec(text);
  if (match === null) return null;
  const ms = Date.parse(match[1] as string);
  if (Number.isNaN(ms)) return null;
  const timestamp = hybridOf({ wall: wallTime(ms), counter: Number(match[2]) });
  // A date that no calendar has, such as 30 February, is read as another day: not the text that was printed.
  return timestamp !== null && printHybrid(timestamp) === text ? timestamp : null;
}

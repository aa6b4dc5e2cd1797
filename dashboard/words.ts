/** Numbers and times as a reader takes them in: short rather than exact. */
import { hexOf } from '../src/bytes/sha256.ts';
import { countText } from '../src/kernel/count-text.ts';
import { printMs } from '../src/observe/wait-text.ts';

export { countText, printMs };

export function rateText(perSecond: number): string {
  if (perSecond >= 100_000) return `${(perSecond / 1_000).toFixed(0)} k`;
  if (perSecond >= 100) return countText(Math.round(perSecond));
  return perSecond === 0 ? '0' : perSecond.toFixed(1);
}

export const msText = (ms: number | null): string =>
  ms === null ? '–' : ms < 10 ? `${ms.toFixed(1)} ms` : printMs(ms);

const two = (count: number): string => String(count).padStart(2, '0');

/** In the reader's time zone. */
export const timeText = (at: Date): string => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

export const exactTimeText = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeText(at)}.${String(at.getMilliseconds()).padStart(3, '0')}`;

/** With the day where it is another. */
export function whenText(at: Date, now: Date = new Date()): string {
  return at.toDateString() === now.toDateString() ? timeText(at) : exactTimeText(at).slice(0, 16);
}

export const agoText = (at: Date, now: Date = new Date()): string =>
  `${printMs(Math.max(0, now.getTime() - at.getTime()))} ago`;

/** A value on one line, cut. */
export function lineOf(value: unknown, units = 120): string {
  if (value === undefined || value === null) return '';
  const text = JSON.stringify(plain(value));
  return text.length > units ? `${text.slice(0, units - 1)}…` : text;
}

/** As JSON has it: dates and bigints are strings, bytes are hexadecimal. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return hexOf(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

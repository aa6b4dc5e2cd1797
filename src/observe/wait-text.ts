/**
 * Waits as text for a terminal, a line each, oldest first: what `lockstep explain` shows. Keys come from users, so
 * what could steer a terminal is written as an escape.
 */
import { printable } from '../kernel/printable.ts';
import type { Wait } from './waits.ts';

/** `now` is the wall clock's, for "how long" and "how much longer". */
export function printWaits(waits: readonly Wait[], now: Date): string {
  if (waits.length === 0) return 'nothing waits\n';
  const rows = waits.map((wait) => [
    printable(wait.what),
    printable(wait.key),
    `since ${wait.since.toISOString().slice(11, 23)} (${printMs(now.getTime() - wait.since.getTime())})`,
    `for ${printable(wait.waitsFor)}`,
    wait.heldBy === null ? 'held by nobody known' : `held by ${printable(wait.heldBy)}`,
    deadlineText(wait.deadline, now),
  ]);
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}

function deadlineText(deadline: Date | null, now: Date): string {
  if (deadline === null) return 'no deadline';
  const leftMs = deadline.getTime() - now.getTime();
  return leftMs < 0 ? `overdue by ${printMs(-leftMs)}` : `${printMs(leftMs)} left`;
}

/** Short rather than exact: two digits and a unit are what a reader takes in. */
export function printMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} days`;
}

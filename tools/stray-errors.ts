/**
 * A reporter of vitest for what fails outside of every test: a rejection that nobody handled, an error thrown by a timer
 * or a socket after its test had ended. Vitest's JSON report does not have them; they go into a file beside it.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter } from 'vitest/node';

/** Names the file: vitest makes reporters itself, by their module's path alone. */
export const strayErrorsVariable = 'LOCKSTEP_STRAY_ERRORS';

export default class StrayErrors implements Reporter {
  onTestRunEnd(...[, errors]: Parameters<NonNullable<Reporter['onTestRunEnd']>>): void {
    const file = process.env[strayErrorsVariable];
    if (file === undefined) return;
    const said = errors.map((error) => [error.stack ?? error.message, ...causesOf(error.cause)].join('\n'));
    writeFileSync(file, JSON.stringify(said));
  }
}

const causesMax = 5;

function causesOf(cause: unknown): readonly string[] {
  const causes: string[] = [];
  for (let next = cause; next instanceof Object && causes.length < causesMax;) {
    const { stack, message, cause: deeper }: { stack?: unknown; message?: unknown; cause?: unknown } = next;
    causes.push(`caused by ${String(stack ?? message)}`);
    next = deeper;
  }
  return causes;
}

/** An error as a terminal shows it: its kind, what was wrong, what to do, and what was behind it. */
import { asError, isLockstepError, type LockstepError } from '../kernel/errors.ts';
import { printable } from '../kernel/printable.ts';

/** Lines of a stack that are worth showing: where it was thrown. */
const stackLinesMax = 8;

export function errorText(error: LockstepError): string {
  return [`${error.kind}: ${error.message}`, ...causeLines(error.cause)].join('\n');
}

function causeLines(cause: unknown): readonly string[] {
  if (cause === undefined || cause === null || isOfSystem(cause)) return [];
  if (isLockstepError(cause)) return indented(errorText(cause));
  const { stack, message } = asError(cause);
  const own = (stack ?? message).split('\n').filter((line) => !/^\s+at (?:.*\(node:|node:)/.test(line));
  return indented(own.slice(0, stackLinesMax).join('\n'));
}

/** What the system said is in our own words already; of a parser of options likewise. */
const isOfSystem = (cause: unknown): boolean =>
  cause instanceof Error &&
  ('syscall' in cause || ('code' in cause && String(cause.code).startsWith('ERR_PARSE_ARGS')));

const indented = (text: string): readonly string[] => text.split('\n').map((line) => `  ${printable(line)}`);

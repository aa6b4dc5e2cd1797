/** An error as a terminal shows it: its kind, what was wrong, what to do, and what was behind it. */
import { asError, isLockstepError } from '../kernel/errors.ts';
import { printable } from '../kernel/printable.ts';

/** Lines of a stack that are worth showing: where in the user's code it was thrown. */
const stackLinesMax = 8;
/** This package. */
const own = new URL('..', import.meta.url).href;

export function errorText(error: unknown): string {
  if (!isLockstepError(error)) return thrownText(error);
  return [`${error.kind}: ${error.message}`, ...causeLines(error.cause)].join('\n');
}

function causeLines(cause: unknown): readonly string[] {
  if (cause === undefined || cause === null || isOfSystem(cause)) return [];
  return indented(errorText(cause));
}

/** What was thrown, and where in the user's code. */
function thrownText(thrown: unknown): string {
  const { stack, message } = asError(thrown);
  const isTheirs = (line: string): boolean => !/^\s+at /.test(line) || !(line.includes(own) || line.includes('node:'));
  return (stack ?? message).split('\n').filter(isTheirs).slice(0, stackLinesMax).join('\n');
}

/** What the system said is in our own words already; of a parser of options likewise. */
const isOfSystem = (cause: unknown): boolean =>
  cause instanceof Error &&
  ('syscall' in cause || ('code' in cause && String(cause.code).startsWith('ERR_PARSE_ARGS')));

const indented = (text: string): readonly string[] => text.split('\n').map((line) => `  ${printable(line)}`);

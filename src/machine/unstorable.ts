/** What the codec refuses, told by what it is of and the path within that, not by where it would have stood. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { EventRow } from './event-row.ts';

const inRow = /^\$\[7\]\[(\d+)\]\[2\](.*)$/s;
const inState = /^\$\[3\](.*)$/s;

/** Of an event that was decided: what came with the command is as likely at fault as `decide`. */
export function unstorableEvent(error: unknown, { machine, key, events }: EventRow): unknown {
  const [, at = '', path = ''] = inRow.exec(pathOf(error)) ?? [];
  const event = events[Number(at)];
  if (!isLockstepError(error) || at === '' || event === undefined) return error;
  return new LockstepError('invalid', `this event cannot be stored: ${error.summary}`, {
    values: { event: `${machine}.${event.type}`, key, path: `$${path}` },
    cause: error,
  });
}

/** Of the state behind the events: only `evolve` makes it. */
export function unstorableState(error: unknown, machine: string, key: string): unknown {
  const [found, path = ''] = inState.exec(pathOf(error)) ?? [];
  if (!isLockstepError(error) || found === undefined) return error;
  return new LockstepError('misuse', `the state that \`evolve\` made cannot be stored: ${error.summary}`, {
    values: { machine, key, path: `$${path}` },
    cause: error,
  });
}

const pathOf = (error: unknown): string =>
  isLockstepError(error, 'invalid') && typeof error.values['path'] === 'string' ? error.values['path'] : '';

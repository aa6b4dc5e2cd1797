/** What a command carries on to its events, and to all that it leads to: who asked, and why. Each is a short text. */
import { LockstepError } from '../kernel/errors.ts';

const carriedUnitsMax = 512;

/** Whether it can be carried: a text of 1 to 512 characters. */
export const isCarried = (text: unknown): text is string =>
  typeof text === 'string' && text.length > 0 && text.length <= carriedUnitsMax && text.isWellFormed();

export const notCarried = (name: string, text: unknown): LockstepError =>
  new LockstepError('invalid', 'what a command carries on is a text of 1 to 512 characters', {
    values: { [name]: shownText(text) },
  });

/** For errors: its beginning, or what it is instead of a text. */
export const shownText = (text: unknown): string => (typeof text === 'string' ? text.slice(0, 64) : typeof text);

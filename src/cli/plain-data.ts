/** Plain data on a terminal: what users type, and what machines store, which may hold anything. */
import { LockstepError } from '../kernel/errors.ts';
import { printable } from '../kernel/printable.ts';
import { jsonOf } from '../server/wire.ts';

/** @throws LockstepError `invalid` for what is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LockstepError('invalid', 'the data is no JSON; nothing was done', {
      values: { data: text.slice(0, 100), at: cause instanceof Error ? cause.message : '' },
      advice: [`in a shell, in single quotes: '{"amount":100}', '"text"'`],
    });
  }
}

/** Nothing in it steers a terminal. */
export const dataText = (data: unknown): string => printable(jsonOf(data));

/** `Deposited {"amount":100}`; the name alone where there is no data. */
export const namedText = (name: string, data: unknown): string =>
  data === undefined || data === null ? name : `${name} ${dataText(data)}`;

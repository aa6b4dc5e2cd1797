/**
 * Where a reader of events is, to the very event. All events of one command have one token, so a position is the token of the
 * last event and which one of which key that was; what was taken of a command of another partition, and is not passed yet,
 * stands behind it. It is what `id` of a server-sent event holds, and what `Last-Event-ID` brings back.
 *
 *     TOKEN~VERSION~KEY[~VERSION~KEY …]
 */
import { revisionOf, tokenAt } from '../machine/event-reader.ts';
import type { Connection } from '../machine/connection.ts';
import { joinTokens, parseToken, tokensIn } from '../partition/token.ts';
import type { Token } from '../partition/transaction.ts';
import { decodedText } from './wire.ts';

/** Of this key all is taken up to this version. */
export interface Taken {
  readonly key: string;
  readonly version: number;
}

export interface Position {
  readonly after: Token | 'start' | 'now';
  /** The first is of the command that the token names, which is read again for the events behind it. None: a plain token. */
  readonly taken: readonly Taken[];
}

/** What of an event says where it is. */
export interface Placed extends Taken {
  readonly token: Token;
}

const shape = /^([^~]+)((?:~[1-9]\d{0,15}~[^~]+){1,64})$/;

/** @throws LockstepError `invalid` for a text that is no position, no token, and neither `start` nor `now`. */
export function parsePosition(text: string): Position {
  const [, after = text, marks = ''] = shape.exec(text) ?? [];
  const taken: Taken[] = [];
  const parts = marks.split('~').slice(1);
  for (let at = 0; at + 1 < parts.length; at += 2)
    taken.push({ version: Number(parts[at]), key: decodedText(parts[at + 1] ?? '') });
  if ((after === 'start' || after === 'now') && taken.length === 0) return { after, taken };
  for (const token of tokensIn(after as Token)) parseToken(token);
  return { after: after as Token, taken }; // it has just been parsed
}

const markOf = ({ version, key }: Taken): string => `~${version}~${encodeURIComponent(key).replaceAll('~', '%7E')}`;

export const printPosition = ({ after, taken }: Position): string => after + taken.map(markOf).join('');

/**
 * The token to read after: before the command that is read again. `of`: the key whose events are followed; null: all.
 * @throws as `Connection.events`.
 */
export async function tokenToRead(
  connection: Connection,
  { after, taken: [last] }: Position,
  of: string | null,
  signal: AbortSignal,
): Promise<Position['after']> {
  if (last === undefined || after === 'start' || after === 'now') return after;
  const begin = connection['~begin'];
  if (begin !== undefined) return begin.call(connection, after, { of, again: last.key }, signal);
  // Of several partitions each one earlier: which of them has the event, such a connection does not say.
  return joinTokens(tokensIn(after).map((one) => tokenAt(one, Math.max(0, revisionOf(one) - 1))));
}

/** Goes along with the events as they are taken. */
export class PositionCounter {
  /** Taken before, and not passed yet. */
  #pending: readonly Taken[];

  constructor(taken: readonly Taken[]) {
    this.#pending = taken;
  }

  /** The position once this event was taken; null: it was taken before. */
  take({ key, version, token }: Placed): string | null {
    const mark = this.#pending.find((one) => one.key === key);
    if (mark !== undefined && version >= mark.version) this.#pending = this.#pending.filter((one) => one !== mark);
    if (mark !== undefined && version <= mark.version) return null;
    return printPosition({ after: token, taken: [{ key, version }, ...this.#pending] });
  }
}

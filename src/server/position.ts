/**
 * Where a reader of events is, to the very event. All events of one command have one token, so a position is the token behind
 * the command before, and which event of which key was taken since. It is what `id` of a server-sent event holds, and what
 * `Last-Event-ID` brings back.
 */
import { revisionOf, tokenAt } from '../machine/event-reader.ts';
import { joinTokens, parseToken, tokensIn } from '../partition/token.ts';
import type { Token } from '../partition/transaction.ts';
import { decodedText } from './wire.ts';

/** Where to read on, and which events are passed over there. */
export interface ReadFrom {
  readonly after: Token | 'start' | 'now';
  /** Of this key, up to this version; null: none. */
  readonly taken: { readonly key: string; readonly version: number } | null;
}

/** What of an event says where it is. */
export interface Placed {
  readonly key: string;
  readonly version: number;
  readonly token: Token;
}

const shape = /^([^~]+)~([1-9]\d{0,15})~([^~]+)$/;

/** @throws LockstepError `invalid` for a text that is no position, no token, and neither `start` nor `now`. */
export function parsePosition(text: string): ReadFrom {
  const [, after = text, version, key] = shape.exec(text) ?? [];
  const taken = version === undefined || key === undefined ? null : { key: decodedText(key), version: Number(version) };
  if (after === 'start' || (after === 'now' && taken === null)) return { after, taken };
  for (const token of tokensIn(after as Token)) parseToken(token);
  return { after: after as Token, taken }; // it has just been parsed
}

/** Goes along with the events as they are taken. */
export class PositionCounter {
  readonly #taken: ReadFrom['taken'];
  /** Behind the last command all of whose events were taken. */
  #before: Token | 'start' | 'now';
  #token: Token | null = null;

  constructor({ after, taken }: ReadFrom) {
    this.#before = after;
    this.#taken = taken;
  }

  /** The position once this event was taken; null: it was taken before. */
  take({ key, version, token }: Placed): string | null {
    if (token !== this.#token) {
      if (this.#token !== null) this.#before = this.#token;
      else if (this.#before === 'now') this.#before = tokenBefore(token);
      this.#token = token;
    }
    const isTaken = this.#taken !== null && key === this.#taken.key && version <= this.#taken.version;
    return isTaken ? null : `${this.#before}~${version}~${encodeURIComponent(key).replaceAll('~', '%7E')}`;
  }
}

/** Of several partitions each one earlier: which of them has the event, the token does not say. */
const tokenBefore = (token: Token): Token =>
  joinTokens(tokensIn(token).map((one) => tokenAt(one, Math.max(0, revisionOf(one) - 1))));

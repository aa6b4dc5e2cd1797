/** What headers and the query of a request say, read and checked; what they do not say is undefined. */
import { LockstepError } from '../kernel/errors.ts';
import { durationMs, type Duration } from '../kernel/time.ts';
import type { SendOptions } from '../machine/connection.ts';
import { timeOfCommand, type CommandId } from '../partition/command-id.ts';
import type { Token } from '../partition/transaction.ts';
import type { Asked } from './exchange.ts';
import { decodedText, eventStreamType, headerNames, parseCause, parseFence, versionOfEtag } from './wire.ts';

export const wantsStream = ({ headers }: Asked): boolean => headers.get('accept')?.includes(eventStreamType) === true;

export function keyOf(query: URLSearchParams): string {
  const key = query.get('key');
  if (key !== null) return key;
  throw new LockstepError('invalid', 'the path says which machine, and ?key= says which instance; there is no key');
}

export const tokenOf = (query: URLSearchParams): Token | undefined =>
  (query.get('after') ?? undefined) as Token | undefined;

/** @throws LockstepError `invalid` for a text that is no number above 0. */
export function countOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new LockstepError('invalid', 'a limit is a whole number above 0', { values: { limit: text.slice(0, 32) } });
}

/** @throws LockstepError `misuse` for a text that is no duration. */
export function durationOf(text: string | null): Duration | undefined {
  if (text === null) return undefined;
  durationMs(text as Duration);
  return text as Duration;
}

/** Of a command, but who asks; why it is sent only from who is trusted. @throws LockstepError `invalid` or `misuse` for a header that is none. */
export function sendOptionsOf(asked: Asked, answerMsMax: number, isTrusted: boolean): SendOptions {
  const { headers } = asked;
  const fence = headers.get(headerNames.fence);
  return {
    commandId: commandIdOf(headers.get(headerNames.commandId)),
    expectedVersion: expectedVersionOf(headers),
    fence: fence === null ? undefined : parseFence(fence),
    deadline: deadlineOf(asked, answerMsMax),
    ...(isTrusted ? provenanceOf(headers) : {}),
  };
}

/** What the sender asks for, as far as it may. @throws LockstepError `misuse` for a text that is no duration. */
export function deadlineOf({ headers }: Asked, answerMsMax: number): Duration | undefined {
  const asked = durationOf(headers.get(headerNames.deadline));
  if (asked !== undefined) return `${Math.min(durationMs(asked), answerMsMax)}ms`;
  // A deadline of its own costs each command a timer; that of verbs is there anyway.
  return answerMsMax < verbMsMax ? `${answerMsMax}ms` : undefined;
}

/** For how long verbs try where they are not told. */
const verbMsMax = 30_000;

/** Why a command is sent, as the sender says. @throws LockstepError `invalid` for a header that is none. */
function provenanceOf(headers: Asked['headers']): SendOptions {
  const cause = headers.get(headerNames.cause);
  const correlationId = headers.get(headerNames.correlationId);
  return {
    causedBy: cause === null ? undefined : parseCause(cause),
    correlationId: correlationId === null ? undefined : decodedText(correlationId),
    trace: headers.get(headerNames.trace) ?? undefined,
  };
}

/** Quoted, as the draft has it, or bare. @throws LockstepError `invalid` for a text that is no command id. */
function commandIdOf(text: string | null): CommandId | undefined {
  if (text === null) return undefined;
  const id = text.replace(/^"(.*)"$/s, '$1');
  timeOfCommand(id);
  return id as CommandId;
}

/** `If-Match: "3"`: that version; `If-None-Match: *`: it was never written. @throws LockstepError `invalid`. */
function expectedVersionOf(headers: Asked['headers']): number | undefined {
  if (headers.get('if-none-match') === '*') return 0;
  const match = headers.get('if-match');
  if (match === null) return undefined;
  const version = versionOfEtag(match);
  if (version !== null) return version;
  throw new LockstepError('invalid', 'If-Match takes a version in quotes', { values: { ifMatch: match.slice(0, 64) } });
}

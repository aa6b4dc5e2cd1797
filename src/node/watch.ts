/**
 * Answers of a query as they change: the first at once, then one after each change of what it reads. It follows the events
 * that its projections are made of and asks anew after some came; what came meanwhile is one answer, and an answer that is
 * the same is not told again. Between answers it holds nothing, and takes nothing in advance.
 */
import { compareBytes } from '../bytes/compare.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { pause } from '../log/within.ts';
import type { Answer } from '../machine/connection.ts';
import type { EventRow } from '../machine/event-row.ts';
import { tokensFor } from '../machine/projection/answer-token.ts';
import type { AnyProjection } from '../machine/projection/projection.ts';
import type { AnyQuery } from '../machine/projection/query.ts';
import type { Queries, Question } from '../machine/projection/run-query.ts';
import type { RowSourcePorts } from '../machine/row-source.ts';
import { subscribe } from '../machine/subscription.ts';
import type { Waits } from '../observe/waits.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Token } from '../partition/transaction.ts';
import { Ending } from './ending.ts';
import { merged } from './merge.ts';

export interface WatchSetup {
  readonly ports: RowSourcePorts;
  readonly waits: Waits;
  readonly partitions: Partitions;
  readonly queries: Queries;
  readonly question: Question;
  readonly signal: AbortSignal;
}

/** At least so long between two answers, so that many changes at once are one. */
const gapMs = 20;
/** Between two questions while a projection is stopped. */
const retryMs = 1_000;

/**
 * @throws what asking throws at first; what following throws; LockstepError `invalid` for answers that are no plain data;
 * the signal's reason.
 */
export async function* watchQuery(setup: WatchSetup): AsyncGenerator<Answer<unknown>, void, undefined> {
  const { ports, queries, question, signal } = setup;
  const encoder = new ValueEncoder();
  const encoded = ({ value }: Answer<unknown>): Uint8Array => encoder.encode({ value });
  let answer = await queries.answer(question, { signal });
  let told = encoded(answer);
  yield answer;
  for (;;) {
    const token = await nextChange(setup, answer.token);
    await pause(ports.timers, gapMs, [signal]);
    answer = await answerAfter(setup, token);
    const bytes = encoded(answer);
    if (compareBytes(told, bytes) === 0) continue;
    told = bytes;
    yield answer;
  }
}

/** A projection may be stopped for long, and go on. */
async function answerAfter(
  { ports, waits, queries, question, signal }: WatchSetup,
  token: Token,
): Promise<Answer<unknown>> {
  for (;;) {
    try {
      return await queries.answer(question, { after: token, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!isLockstepError(error, 'unavailable')) throw error;
      using _wait = waits.enter({ what: 'watch', key: question.query.name, waitsFor: error.message, withinMs: null });
      await pause(ports.timers, retryMs, [signal]);
    }
  }
}

/** The token of the first events behind the answer that may change it. */
async function nextChange(setup: WatchSetup, answered: Token): Promise<Token> {
  const { ports, waits, partitions, question, signal } = setup;
  const { query, indexes } = question;
  const asked = indexes.map((index) => partitions.at(index));
  const tokens = asked.map(({ status }) => status.token);
  const froms = tokensFor(answered, tokens);
  using ending = new Ending(signal);
  const sources = asked.map((partition, at) =>
    subscribe(ports, partition, { from: froms[at] ?? 'start', signal: ending.signal }),
  );
  const stop = (): void => ending.end(new LockstepError('stopped', 'a change was found'));
  using _wait = waits.enter({ what: 'watch', key: query.name, waitsFor: 'a change of what it reads', withinMs: null });
  for await (const { rows, token } of merged(sources, stop)) if (rows.some((row) => concerns(query, row))) return token;
  throw new LockstepError('stopped', 'the events of these partitions have ended', { values: { query: query.name } });
}

const concerns = ({ '~query': { reads } }: AnyQuery, row: EventRow): boolean =>
  Object.values(reads).some((projection) => handles(projection, row));

function handles({ '~projection': { handlers } }: AnyProjection, { machine, events }: EventRow): boolean {
  const ofMachine = handlers.get(machine);
  return ofMachine !== undefined && events.some(({ type }) => Object.hasOwn(ofMachine, type));
}

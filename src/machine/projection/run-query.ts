/**
 * How a query gets its answer: its input checked once, then the partition of its key, or each of them, asked until it
 * answers from rows that have what the caller has seen, or the deadline comes.
 */
import { LockstepError, type ErrorValues } from '../../kernel/errors.ts';
import { isPromise } from '../../kernel/promise.ts';
import { durationMs } from '../../kernel/time.ts';
import { isPassing } from '../../log/within.ts';
import type { Partitions } from '../../partition/partitions.ts';
import { joinTokens, parseToken } from '../../partition/token.ts';
import type { Token } from '../../partition/transaction.ts';
import type { App } from '../app.ts';
import type { Answer, QueryOptions } from '../connection.ts';
import { again, deliver, type DeliveryPorts } from '../delivery.ts';
import { tokenAt } from '../event-reader.ts';
import type { Query } from '../part.ts';
import { checkKey } from '../runtime.ts';
import { check } from '../schema.ts';
import { tokensFor } from './answer-token.ts';
import { runPart, type QueryPart, type StoppedPart } from './query-part.ts';
import { checkQuery, type AnyQuery } from './query.ts';

/** A query as middleware sees it: checked, and not asked yet. */
export interface AskedQuery {
  readonly query: string;
  /** Where it runs; null: on every partition. */
  readonly key: string | null;
  /** As its schema made it. */
  readonly input: unknown;
}

/** Stands around every query that is asked from here, the first one outermost; name and key stay as they are. */
export type QueryMiddleware = (
  asked: AskedQuery,
  next: (asked: AskedQuery) => Promise<Answer<unknown>>,
) => Promise<Answer<unknown>>;

export interface QueriesSetup extends DeliveryPorts {
  readonly partitions: Partitions;
  readonly app: App<unknown>;
  readonly middleware: readonly QueryMiddleware[];
}

/** A query with its input, checked. */
export interface Question {
  readonly query: AnyQuery;
  readonly input: unknown;
  readonly key: string | null;
  /** The partitions that it is asked of. */
  readonly indexes: readonly number[];
}

/** What a partition answered, and its place among them. */
interface Placed extends QueryPart {
  readonly index: number;
  readonly token: Token;
}

interface Ask extends Question {
  readonly options: QueryOptions;
}

const deadlineMsDefault = 30_000;

export class Queries {
  readonly #setup: QueriesSetup;

  constructor(setup: QueriesSetup) {
    this.#setup = setup;
  }

  /**
   * @throws LockstepError `invalid` when its schema refuses the input, or `after` is of another partition; `misuse` for what
   * is no part of the app; `unavailable` at the deadline, naming what it waited for, and for a projection that is stopped;
   * `stopped`; the signal's reason; what `run`, `merge` and middleware throw.
   */
  async ask(
    query: Query<string, unknown, unknown>,
    input: unknown,
    options: QueryOptions = {},
  ): Promise<Answer<unknown>> {
    return this.answer(await this.question(query, input), options);
  }

  /** @throws LockstepError `invalid` when its schema refuses the input; `misuse` for what is no part of the app. */
  async question(asked: Query<string, unknown, unknown>, input: unknown): Promise<Question> {
    const { app, partitions } = this.#setup;
    const query = checkQuery(app, asked);
    const { input: schema, where } = query['~query'];
    const checked = await check(schema, input, { kind: 'query', name: query.name });
    if (where.kind === 'merge') return { query, input: checked, key: null, indexes: partitions.map.partitions };
    const key = where.keyOf(checked);
    checkKey(key);
    return { query, input: checked, key, indexes: [partitions.indexOf(key)] };
  }

  /** @throws as `ask`. */
  answer(question: Question, options: QueryOptions): Promise<Answer<unknown>> {
    const { query, key, input } = question;
    const answer = (asked: AskedQuery): Promise<Answer<unknown>> =>
      this.#answer({ ...question, input: asked.input, options });
    const all = this.#setup.middleware.reduceRight<typeof answer>((next, one) => (sent) => one(sent, next), answer);
    return all({ query: query.name, key, input });
  }

  async #answer(ask: Ask): Promise<Answer<unknown>> {
    const { partitions } = this.#setup;
    const { indexes } = ask;
    const after = tokensFor(
      ask.options.after,
      indexes.map((index) => partitions.at(index).status.token),
    );
    const ends = await Promise.allSettled(indexes.map((index, at) => this.#part(ask, index, after[at] ?? null)));
    const failed = ends.flatMap((end, at) => (end.status === 'rejected' ? [{ at, error: end.reason as unknown }] : []));
    const parts = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    const fatal = failed.find(({ error }) => ask.options.partial !== true || !isPassing(error));
    if (fatal !== undefined) throw fatal.error;
    if (parts.length === 0) throw failed[0]?.error;
    return {
      value: valueOf(ask, parts),
      token: joinTokens(parts.map(({ token }) => token)),
      ageMs: Math.max(...parts.map(({ ageMs }) => ageMs)),
      missing: [
        ...failed.map(({ at }) => `partition ${indexes[at]}`),
        ...parts.flatMap(({ index, missing }) => missing.map((projection) => `${projection} of partition ${index}`)),
      ],
    };
  }

  async #part({ query, input, options }: Ask, index: number, after: Token | null): Promise<Placed> {
    const { ports, partitions } = this.#setup;
    const { deadline, signal, partial = false } = options;
    const values = { query: query.name, partition: index };
    const withinMs = deadline === undefined ? deadlineMsDefault : durationMs(deadline);
    const about = { what: 'query', key: query.name, values, withinMs, signal };
    const consistency = after === null ? ('linearizable' as const) : { atLeast: after };
    const part = await deliver<Placed | StoppedPart>(this.#setup, about, async (leftMs) => {
      const outcome = await partitions.at(index).read(consistency, { withinMs: leftMs, signal });
      if (outcome.kind !== 'snapshot') return again(outcome, values);
      using snapshot = outcome;
      const revision = after === null ? 0 : parseToken(after).revision;
      const ran = runPart(snapshot, { query, input, partial, after: revision, nowMs: ports.clock.wall() });
      return ran.kind === 'part' ? { ...ran, index, token: tokenAt(snapshot.token, ran.revision) } : ran;
    });
    if (part.kind === 'part') return part;
    throw stoppedError(part, values);
  }
}

function valueOf({ query, input }: Ask, parts: readonly Placed[]): unknown {
  const { where } = query['~query'];
  const values = parts.map(({ value }) => value);
  const value = where.kind === 'at' ? values[0] : where.merge(values, input);
  const waiting = [value, ...values].filter((one) => isPromise(one));
  if (waiting.length === 0) return value;
  Promise.allSettled(waiting).then(undefined, () => {}); // it is answered with the misuse below
  throw new LockstepError('misuse', 'a query is synchronous, and its function returned a promise', {
    values: { query: query.name },
    advice: ['what it is to know besides rows goes into its input'],
  });
}

function stoppedError({ projection, stopped }: StoppedPart, values: ErrorValues): LockstepError {
  const { error, event } = stopped;
  const at = `${event.machine} ${event.key} ${event.version}`;
  return new LockstepError('unavailable', 'a projection that this query reads is stopped', {
    values: { ...values, projection, event: at, error },
    advice: [
      'fix what its handler threw for, then have it retried, or have that event skipped',
      'rows without that event and those after it: ask with partial: true, and look at `missing`',
    ],
  });
}

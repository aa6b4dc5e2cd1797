/**
 * Declares a question to projections: what it reads, what it is asked, and where it runs. That is said from the first day,
 * so that more partitions change nothing: `at` one place, or everywhere, and then how the parts `merge`.
 */
import { LockstepError } from '../../kernel/errors.ts';
import type { App } from '../app.ts';
import type { Dictionary } from '../definition.ts';
import { checkName } from '../machine.ts';
import type { Projection, Query } from '../part.ts';
import type { Input, Output, Schema } from '../schema.ts';
import type { AnyProjection } from './projection.ts';
import type { RowReader } from './row-reader.ts';

type Tables<Reads> = {
  readonly [K in keyof Reads]: Reads[K] extends Projection<string, infer Row, infer Indexes>
    ? RowReader<Row, Indexes>
    : never;
};

/** The code behind a query, its types erased: they were checked where it was declared. */
export interface QueryCode {
  readonly input: Schema;
  /** By the name that `run` calls it. */
  readonly reads: Dictionary<AnyProjection>;
  /** The key where it runs; or what the answers of all partitions make together. */
  readonly where:
    | { readonly kind: 'at'; readonly keyOf: (input: unknown) => string }
    | { readonly kind: 'merge'; readonly merge: (parts: readonly unknown[], input: unknown) => unknown };
  /** On one partition. `input` is as its schema made it. */
  readonly run: (tables: Dictionary<RowReader<unknown, unknown>>, input: unknown) => unknown;
}

export interface DeclaredQuery<Name extends string, In, Result> extends Query<Name, In, Result> {
  readonly '~query': QueryCode;
}

export type AnyQuery = DeclaredQuery<string, unknown, unknown>;

/**
 * Declares a query: a value with a name. `run` is synchronous and reads one moment of a partition.
 * @throws LockstepError `misuse` for a name that is none.
 */
export function query<
  const Name extends string,
  In extends Schema,
  Reads extends Dictionary<Projection<string, unknown, unknown>>,
  Result,
>(
  definition: {
    readonly name: Name;
    readonly input: In;
    readonly reads: Reads;
    readonly run: (tables: Tables<Reads>, input: Output<In>) => Result;
  } & (
    | {
        /** A key: it runs where that one's place is. */
        readonly at: (input: Output<In>) => string;
      }
    | {
        /** It runs on every partition: what their answers make together. Called with one partition too. */
        readonly merge: (parts: readonly NoInfer<Result>[], input: Output<In>) => NoInfer<Result>;
      }
  ),
): DeclaredQuery<Name, Input<In>, Result> {
  const { name, input, reads, run } = definition;
  checkName(name, 'query');
  const where: QueryCode['where'] =
    'at' in definition
      ? { kind: 'at', keyOf: (asked) => definition.at(asked) }
      : { kind: 'merge', merge: (parts, asked) => definition.merge(parts as readonly Result[], asked) };
  const code: QueryCode = {
    input,
    where,
    reads: reads as unknown as QueryCode['reads'], // `projection` alone makes this kind
    run: (tables, asked) => run(tables as Tables<Reads>, asked),
  };
  return { kind: 'query', name, '~query': code };
}

/** @throws LockstepError `misuse` for a query that is no part of the app, or reads what is none. */
export function checkQuery({ parts }: App<unknown>, asked: Query<string, unknown, unknown>): AnyQuery {
  const known = asked as AnyQuery; // `query` alone makes this kind
  const reads = Object.values(known['~query'].reads);
  const missing = [known, ...reads].find((part) => !parts.includes(part));
  if (missing === undefined) return known;
  throw new LockstepError('misuse', `this ${missing.kind} is no part of the app`, {
    values: { [missing.kind]: missing.name, query: known.name },
    advice: ['defineApp({ name, parts: [ …, it ] })'],
  });
}

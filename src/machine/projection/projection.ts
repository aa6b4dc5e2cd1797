/**
 * Declares what a machine's events make of rows that can be listed by their indexes. Everything is inferred from `row`,
 * `from` and `indexes`; handlers return `undefined` and not `void`, so that an `async` one does not compile: its writes
 * would come too late.
 */
import type { KeyPart } from '../../bytes/tuple.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { Recorded } from '../connection.ts';
import type { AnyMachine, Dictionary, EventsOf } from '../definition.ts';
import type { Projection } from '../part.ts';
import type { Output, Schema } from '../schema.ts';
import type { RowWriter } from './rows.ts';

type Machines = Dictionary<AnyMachine>;
type IndexPart = string | number | boolean | Date;

type Handlers<From extends Machines, Row> = {
  readonly [M in keyof From]?: {
    readonly [T in keyof EventsOf<From[M]>]?: (event: Recorded<From[M], T>, rows: RowWriter<Row>) => undefined;
  };
};

type Handler = (event: Recorded<AnyMachine>, rows: RowWriter<unknown>) => unknown;

/** The code behind a projection, its types erased: they were checked where it was declared. */
export interface ProjectionCode {
  readonly indexes: Dictionary<(row: unknown) => readonly KeyPart[]>;
  /** By the machine's name, then by the event's type. */
  readonly handlers: ReadonlyMap<string, Dictionary<Handler | undefined>>;
}

export interface DeclaredProjection<Name extends string, Row, Indexes> extends Projection<Name, Row, Indexes> {
  readonly '~projection': ProjectionCode;
}

/** @throws LockstepError `misuse` for handlers of a machine that `from` does not name. */
export function projection<
  const Name extends string,
  Row extends Schema,
  From extends Machines,
  Indexes extends Dictionary<readonly IndexPart[]> = {},
>(definition: {
  readonly name: Name;
  readonly row: Row;
  readonly from: From;
  readonly indexes?: { readonly [I in keyof Indexes]: (row: Output<Row>) => readonly [...Indexes[I]] };
  readonly on: Handlers<From, Output<Row>>;
}): DeclaredProjection<Name, Output<Row>, Indexes> {
  const { name, from, indexes = {}, on } = definition;
  const handlers = new Map<string, Dictionary<Handler | undefined>>();
  for (const [alias, ofMachine] of Object.entries<unknown>(on as Dictionary<unknown>)) {
    const machine = Object.hasOwn(from, alias) ? from[alias] : undefined;
    if (machine === undefined)
      throw new LockstepError('misuse', 'a projection handles events of a machine that it is not from', {
        values: { projection: name, machine: alias },
      });
    handlers.set(machine.name, ofMachine as Dictionary<Handler | undefined>);
  }
  const code = { handlers, indexes: indexes as unknown as ProjectionCode['indexes'] };
  return { kind: 'projection', name, '~projection': code };
}

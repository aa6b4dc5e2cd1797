/**
 * Declares what a machine's events make of rows that can be listed by their indexes. Everything is inferred from `row`,
 * `from` and `indexes`; handlers return `undefined` and not `void`, so that an `async` one does not compile: its writes
 * would come too late.
 */
import type { KeyPart } from '../../bytes/tuple.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { App } from '../app.ts';
import type { Recorded } from '../connection.ts';
import type { AnyMachine, Dictionary, EventsOf } from '../definition.ts';
import { checkCodeVersion, checkName } from '../machine.ts';
import type { Projection } from '../part.ts';
import type { Output, Schema } from '../schema.ts';
import { subjects } from '../subjects.ts';
import type { RowWriter } from './rows.ts';
import { rowsSystem } from './state.ts';

type Machines = Dictionary<AnyMachine>;
/** What an index may be made of; its order is that of these values. */
export type IndexPart = string | number | boolean | Date;

type Handlers<From extends Machines, Row> = {
  readonly [M in keyof From]?: {
    readonly [T in keyof EventsOf<From[M]>]?: (event: Recorded<From[M], T>, rows: RowWriter<Row>) => undefined;
  };
};

type Handler = (event: Recorded<AnyMachine>, rows: RowWriter<unknown>) => unknown;

/** The code behind a projection, its types erased: they were checked where it was declared. */
export interface ProjectionCode {
  readonly row: Schema;
  readonly codeVersion: number;
  readonly update: 'inline' | 'async';
  readonly indexes: Dictionary<(row: unknown) => readonly KeyPart[]>;
  /** By the machine's name, then by the event's type. */
  readonly handlers: ReadonlyMap<string, Dictionary<Handler | undefined>>;
  /** The name of the space where its rows are. */
  readonly system: string;
}

export interface DeclaredProjection<Name extends string, Row, Indexes> extends Projection<Name, Row, Indexes> {
  readonly '~projection': ProjectionCode;
}

export type AnyProjection = DeclaredProjection<string, unknown, unknown>;

/**
 * Declares a projection: a value with a name; its rows are of each partition for itself, made of the events there.
 * @throws LockstepError `misuse` for a name or a codeVersion that is none, and for handlers of what does not happen.
 */
export function projection<
  const Name extends string,
  Row extends Schema,
  From extends Machines,
  Indexes extends Dictionary<readonly IndexPart[]> = {},
>(definition: {
  /** Stored with its rows: rename the variable, never the projection. */
  readonly name: Name;
  readonly row: Row;
  readonly from: From;
  /** What rows can be listed by: the values of each row, compared from the first on. */
  readonly indexes?: { readonly [I in keyof Indexes]: (row: Output<Row>) => readonly [...Indexes[I]] };
  /** Synchronous and pure, as they are run again on a rebuild. One that throws stops this projection, never a command. */
  readonly on: Handlers<From, Output<Row>>;
  /** `inline`: in the command's own transaction (default). `async`: behind it, exactly once, never slowing commands. */
  readonly update?: 'inline' | 'async';
  /** Raise it when handlers, indexes or row change: it is built again from the events. Default 1. */
  readonly codeVersion?: number;
}): DeclaredProjection<Name, Output<Row>, Indexes> {
  const { name, row, from, indexes = {}, on, update = 'inline', codeVersion = 1 } = definition;
  checkName(name, 'projection');
  checkCodeVersion(name, codeVersion);
  const handlers = new Map<string, Dictionary<Handler | undefined>>();
  for (const [alias, ofMachine] of Object.entries<unknown>(on as Dictionary<unknown>)) {
    const machine = Object.hasOwn(from, alias) ? from[alias] : undefined;
    if (machine === undefined)
      throw new LockstepError('misuse', 'a projection handles events of a machine that it is not from', {
        values: { projection: name, machine: alias },
      });
    if (handlers.has(machine.name))
      throw new LockstepError('misuse', 'a projection handles the events of a machine by two names', {
        values: { projection: name, machine: machine.name, alias },
      });
    const ofEvents = ofMachine as Dictionary<Handler | undefined>;
    const unknown = Object.keys(ofEvents).find((type) => !Object.hasOwn(machine['~machine'].events, type));
    if (unknown !== undefined)
      throw new LockstepError('misuse', 'a projection handles an event that its machine does not make', {
        values: { projection: name, event: `${machine.name}.${unknown}` },
      });
    handlers.set(machine.name, ofEvents);
  }
  checkForgets(name, Object.values(from), handlers);
  // From here on types are erased: each index is called with rows that handlers of this declaration made.
  const erased = indexes as unknown as ProjectionCode['indexes'];
  const system = rowsSystem({ name, codeVersion });
  return { kind: 'projection', name, '~projection': { row, codeVersion, update, indexes: erased, handlers, system } };
}

/** Rows may hold copies of personal fields, which no key protects: who may make some says what becomes of them. */
function checkForgets(name: string, from: readonly AnyMachine[], handlers: ProjectionCode['handlers']): void {
  if (Object.hasOwn(handlers.get(subjects.name) ?? {}, 'Forgotten')) return;
  for (const machine of from)
    for (const type of Object.keys(handlers.get(machine.name) ?? {}))
      if (machine['~machine'].personal?.mayHold.has(type) === true)
        throw new LockstepError('misuse', 'a projection takes personal data, and does not say how it is forgotten', {
          values: { projection: name, event: `${machine.name}.${type}` },
          advice: ['from: { …, subjects }, on: { …, subjects: { Forgotten: ({ key }, rows) => … } }'],
        });
}

/** An app's projections. */
export const projectionsOf = ({ parts }: App<unknown>): readonly AnyProjection[] =>
  parts.filter((part): part is AnyProjection => part.kind === 'projection'); // `projection` alone makes this kind

/**
 * What an app promises to what it has stored and to those who send to it: names, shapes and versions, as plain data that
 * can be kept in a file under version control. Shapes are JSON Schema, of those libraries that can say theirs.
 */
import type { App } from './app.ts';
import type { AnyMachine, MachineCode, TransitionTable } from './definition.ts';
import { projectionsOf, type AnyProjection } from './projection/projection.ts';
import type { Schema } from './schema.ts';
import { shapesOf } from './versions.ts';

/** JSON Schema of draft 2020-12, its properties in the order of their names; null: the schema does not say its shape. */
export type Shape = { readonly [key: string]: unknown } | null;

export interface MachineContract {
  readonly codeVersion: number;
  /** What senders write. */
  readonly commands: Readonly<Record<string, Shape>>;
  /** What is stored: every shape that an event has had, oldest first. */
  readonly events: Readonly<Record<string, readonly Shape[]>>;
  readonly table: TransitionTable | null;
}

export interface ProjectionContract {
  readonly codeVersion: number;
  readonly row: Shape;
  /** Their names. Not there in what was kept before they were in it. */
  readonly indexes?: readonly string[];
}

export interface Contract {
  readonly app: string;
  readonly machines: Readonly<Record<string, MachineContract>>;
  /** Not there in what was kept before projections were in it. */
  readonly projections?: Readonly<Record<string, ProjectionContract>>;
}

export function contractOf(app: App<unknown>): Contract {
  const machines = app.parts.filter((part): part is AnyMachine => part.kind === 'machine');
  return {
    app: app.name,
    machines: mapped(machines, (machine) => machine.name, machineContract),
    projections: mapped(projectionsOf(app), (projection) => projection.name, projectionContract),
  };
}

const projectionContract = ({ '~projection': { codeVersion, row, indexes } }: AnyProjection): ProjectionContract => ({
  codeVersion,
  row: shapeOf(row, 'output'),
  indexes: Object.keys(indexes).toSorted(),
});

function machineContract(machine: AnyMachine): MachineContract {
  const { codeVersion, commands, events, table }: MachineCode = machine['~machine'];
  return {
    codeVersion,
    commands: mapped(Object.entries(commands), nameOf, ([, schema]) => shapeOf(schema, 'input')),
    events: mapped(Object.entries(events), nameOf, ([, schema]) =>
      shapesOf(schema).map((shape) => shapeOf(shape, 'output')),
    ),
    table,
  };
}

const nameOf = ([name]: readonly [string, Schema]): string => name;

/** In the order of their names, so that the same declarations make the same file. */
function mapped<T, V>(
  from: readonly T[],
  keyOf: (one: T) => string,
  valueOf: (one: T) => V,
): Readonly<Record<string, V>> {
  const entries = from.map((one) => [keyOf(one), valueOf(one)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Null: it does not say its shape. */
export function shapeOf({ '~standard': { jsonSchema } }: Schema, side: 'input' | 'output'): Shape {
  if (jsonSchema === undefined) return null;
  let shape: Record<string, unknown>;
  try {
    shape = jsonSchema[side]({ target: 'draft-2020-12' });
  } catch {
    return null; // the standard's way of saying that JSON Schema has no words for it: a date, a transformation
  }
  const { $schema: _dialect, ...said } = shape;
  return ordered(said) as Shape;
}

/** The same, its properties in the order of their names, as deep as it goes. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return mapped(
    Object.entries(value),
    ([key]) => key,
    ([, inner]) => ordered(inner),
  );
}

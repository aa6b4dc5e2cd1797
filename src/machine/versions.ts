/**
 * An event's history of shapes. What is stored stays as it was written, with the number of its shape; old ones are brought
 * up to the newest step by step when they are read, so that `evolve` knows one shape alone.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { Output, Schema } from './schema.ts';

/** An event's shapes, oldest first; as a schema it is the newest. */
export interface Versions<Now> extends Schema<Now> {
  /** A newer shape, and how the one before becomes it: a pure function, which runs whenever an old event is read. */
  next<S extends Schema>(schema: S, upcast: (old: Now) => Output<S>): Versions<Output<S>>;
  readonly '~history': History;
}

/** Shape 1 is `shapes[0]`; `upcasts[0]` makes shape 2 of shape 1. */
interface History {
  readonly shapes: readonly Schema[];
  readonly upcasts: readonly ((old: unknown) => unknown)[];
}

export function versions<S extends Schema>(first: S): Versions<Output<S>> {
  return versionsOf<Output<S>>(first, { shapes: [first], upcasts: [] });
}

function versionsOf<Now>(newest: Schema, history: History): Versions<Now> {
  return {
    '~standard': newest['~standard'] as Schema<Now>['~standard'], // of `newest`, whose output `Now` is
    '~history': history,
    next: (schema, upcast) =>
      versionsOf(schema, {
        shapes: [...history.shapes, schema],
        upcasts: [...history.upcasts, upcast as (old: unknown) => unknown],
      }),
  };
}

/** All shapes that an event has had, oldest first: one, if it never changed. */
export const shapesOf = (schema: Schema): readonly Schema[] => historyOf(schema).shapes;

/**
 * The newest shape's data, of data that was stored in shape `shape` (from 1).
 * @throws LockstepError `misuse` for a shape that this code does not know: newer code wrote it.
 */
export function upcast(schema: Schema, shape: number, data: unknown): unknown {
  if (shape === 1 && !('~history' in schema)) return data; // most events, and nothing is made for them
  const { shapes, upcasts } = historyOf(schema);
  if (!Number.isSafeInteger(shape) || shape < 1 || shape > shapes.length) {
    throw new LockstepError('misuse', 'an event is stored in a shape that this code does not know', {
      values: { shape, known: shapes.length },
      advice: ['newer code wrote it: run that'],
    });
  }
  let now = data;
  for (let at = shape - 1; at < upcasts.length; at++) now = upcasts[at]?.(now);
  return now;
}

function historyOf(schema: Schema): History {
  return '~history' in schema ? (schema as Versions<unknown>)['~history'] : { shapes: [schema], upcasts: [] };
}

/** Which fields of an event are personal: said once, where the event is declared, around any schema. */
import { LockstepError } from '../kernel/errors.ts';
import type { PersonalSchema } from '../machine/personal-code.ts';
import type { Input, Output, Schema, SchemaResult } from '../machine/schema.ts';
import { xchacha20 } from './cipher.ts';

/** A field that an event, or one of its forms, has. */
export type PersonalField<T> = T extends readonly unknown[] ? never : T extends object ? keyof T & string : never;
/** As it is read: these fields may be null. */
export type Forgettable<T, F> = T extends unknown ? { [K in keyof T]: K extends F ? T[K] | null : T[K] } : never;

/**
 * An event's schema with personal fields: stored under their subject's key, and null in all that is read once the subject was
 * forgotten. A field is personal as a whole, whatever is in it. Within `versions`, each shape says its own.
 * @throws LockstepError `misuse` for no field, and around `versions`.
 */
export function personal<S extends Schema, const F extends PersonalField<Output<S>>>(
  schema: S,
  fields: readonly F[],
): PersonalSchema<Forgettable<Input<S>, F>, Forgettable<Output<S>, F>> {
  if (fields.length === 0) throw new LockstepError('misuse', 'personal data has at least one field');
  if ('~history' in schema)
    throw new LockstepError('misuse', 'each shape of an event says which of its fields are personal', {
      advice: ['versions(personal(…)).next(personal(…), (old) => …)'],
    });
  const standard = schema['~standard'];
  const validate = (value: unknown): SchemaResult<unknown> | Promise<SchemaResult<unknown>> => {
    const result = standard.validate(value);
    return 'then' in result ? result.then((one) => forgiven(one, value, fields)) : forgiven(result, value, fields);
  };
  // The schema's own types, its fields null besides: what it refuses for that alone is let through.
  return { '~standard': { ...standard, validate }, '~personal': { fields, cipher: xchacha20 } } as PersonalSchema<
    Forgettable<Input<S>, F>,
    Forgettable<Output<S>, F>
  >;
}

/** Null is no issue where the subject was forgotten. */
function forgiven(result: SchemaResult<unknown>, value: unknown, fields: readonly string[]): SchemaResult<unknown> {
  if (result.issues === undefined || typeof value !== 'object' || value === null) return result;
  const isForgotten = (field: PropertyKey): boolean =>
    fields.includes(String(field)) && (value as Readonly<Record<PropertyKey, unknown>>)[field] === null;
  const issues = result.issues.filter(({ path: [step] = [] }) => {
    const field = typeof step === 'object' ? step.key : step;
    return field === undefined || !isForgotten(field);
  });
  return issues.length === 0 ? { value } : { issues };
}

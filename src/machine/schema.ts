/**
 * What checks data at the edge: any library that implements Standard Schema version 1 (https://standardschema.dev), whose
 * interface is written out here, as it is meant to be, so that no library is needed. Its input is what senders write, its
 * output what `decide` sees. Checks run where commands come in, never on replay.
 */
import { LockstepError } from '../kernel/errors.ts';

/** The interface of Standard Schema, version 1, as far as it is used here. */
export interface Schema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    /** Never a value: what `Input` and `Output` read. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
    /** Libraries that can say their shape as JSON Schema have this besides; what it cannot say, it throws for. */
    readonly jsonSchema?: SchemaShapes | undefined;
  };
}

export interface SchemaShapes {
  readonly input: (options: { readonly target: string }) => Record<string, unknown>;
  readonly output: (options: { readonly target: string }) => Record<string, unknown>;
}

export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type Schemas = Readonly<Record<string, Schema>>;
/** What may be given to a schema. */
export type Input<S extends Schema> = NonNullable<S['~standard']['types']>['input'];
/** What a schema makes of it. */
export type Output<S extends Schema> = NonNullable<S['~standard']['types']>['output'];

/** A type without a check at run time: for data that only this code writes. */
export function unchecked<T>(): Schema<T> {
  return { '~standard': { version: 1, vendor: 'lockstep', validate: (value) => ({ value: value as T }) } };
}

/** No payload. */
export const nothing: Schema<void> = Object.freeze<Schema<void>>({
  '~standard': {
    version: 1,
    vendor: 'lockstep',
    validate: (value) =>
      value === undefined || value === null
        ? { value: undefined }
        : { issues: [{ message: 'Expected no data, as none is declared' }] },
  },
});

/** Whose data is checked: `command` `order.Place`, `event` `order.Placed`. */
export interface SchemaSubject {
  readonly kind: 'command' | 'event' | 'query';
  readonly name: string;
}

const issuesShownMax = 20;

/**
 * What the schema makes of `data`: at once, or a promise of it where the schema waits.
 * @throws LockstepError `invalid` with a line for each of its issues, when it refuses the data; at once, or by the promise.
 */
export function check(schema: Schema, data: unknown, subject: SchemaSubject): unknown {
  const result = schema['~standard'].validate(data);
  return 'then' in result ? result.then((one) => outputOf(one, subject)) : outputOf(result, subject);
}

/**
 * As `check`, at once: inside of a transaction nothing can be waited for.
 * @throws LockstepError `invalid` as `check` does; `misuse` for a schema that is asynchronous.
 */
export function checkNow(schema: Schema, data: unknown, subject: SchemaSubject): unknown {
  const result = schema['~standard'].validate(data);
  if (!('then' in result)) return outputOf(result, subject);
  throw new LockstepError(
    'misuse',
    `the schema of this ${subject.kind} is asynchronous, and a transaction cannot wait`,
    {
      values: { [subject.kind]: subject.name },
      advice: ['check what takes time where the command comes in, before it is sent'],
    },
  );
}

function outputOf(result: SchemaResult<unknown>, { kind, name }: SchemaSubject): unknown {
  if (result.issues === undefined) return result.value;
  const shown = result.issues.slice(0, issuesShownMax).map(issueText);
  const hidden = result.issues.length - shown.length;
  throw new LockstepError('invalid', `the schema of this ${kind} refuses the data; nothing was done`, {
    values: { [kind]: name },
    advice: hidden === 0 ? shown : [...shown, `and ${hidden} more`],
  });
}

/** `lines.3.quantity  Too small`: where, then what. */
function issueText({ path, message }: SchemaIssue): string {
  const steps = (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step));
  return steps.length === 0 ? message : `${steps.join('.')}  ${message}`;
}

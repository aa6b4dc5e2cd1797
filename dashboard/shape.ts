/**
 * What a form knows of a shape in JSON Schema: which fields it has, what a value begins as, and what is wrong with one. It
 * covers what forms are made of; all else is for the node, which checks every command whatever a page says.
 */
export type Shape = { readonly [key: string]: unknown } | null;

/** How a value is asked for. */
export type Field =
  | { readonly kind: 'object'; readonly fields: readonly NamedField[] }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'choice'; readonly among: readonly (string | number | boolean | null)[] }
  | { readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'null' }
  /** As JSON. */
  | { readonly kind: 'any' };

export interface NamedField {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
}

export function fieldOf(shape: Shape): Field {
  if (shape === null) return { kind: 'any' };
  const { type, properties, items, enum: among } = shape;
  if ('const' in shape && isScalar(shape['const'])) return { kind: 'choice', among: [shape['const']] };
  if (Array.isArray(among) && among.every(isScalar)) return { kind: 'choice', among };
  switch (type) {
    case 'object':
      return isRecord(properties) ? { kind: 'object', fields: fieldsOf(shape, properties) } : { kind: 'any' };
    case 'array':
      return isRecord(items) ? { kind: 'list', of: items } : { kind: 'any' };
    case 'string':
      return { kind: 'text' };
    case 'number':
    case 'integer':
    case 'boolean':
    case 'null':
      return { kind: type };
    default:
      return { kind: 'any' };
  }
}

function fieldsOf(shape: NonNullable<Shape>, properties: Readonly<Record<string, unknown>>): readonly NamedField[] {
  const required = Array.isArray(shape['required']) ? shape['required'] : [];
  const fields = Object.entries(properties).map(([name, inner]) => ({
    name,
    shape: isRecord(inner) ? inner : null,
    isRequired: required.includes(name),
  }));
  return fields.toSorted((a, b) => Number(b.isRequired) - Number(a.isRequired));
}

/** Undefined: it is left out until somebody writes it. */
export function emptyOf(shape: Shape): unknown {
  const field = fieldOf(shape);
  switch (field.kind) {
    case 'object':
      return Object.fromEntries(
        field.fields.filter(({ isRequired }) => isRequired).map(({ name, shape: inner }) => [name, emptyOf(inner)]),
      );
    case 'list':
      return [];
    case 'choice':
      return field.among[0];
    case 'text':
      return '';
    case 'boolean':
      return false;
    case 'null':
      return null;
    case 'number':
    case 'integer':
    case 'any':
      return undefined;
  }
}

export interface Problem {
  /** `lines.0.price`; empty: the whole. */
  readonly path: string;
  readonly why: string;
}

/** What is wrong with a value; nothing, as far as a page can tell. */
export function problemsOf(shape: Shape, value: unknown, path = ''): readonly Problem[] {
  if (shape === null) return [];
  const field = fieldOf(shape);
  const wrong = (why: string): readonly Problem[] => [{ path, why }];
  const inner = (name: string): string => (path === '' ? name : `${path}.${name}`);
  switch (field.kind) {
    case 'object': {
      if (!isRecord(value)) return wrong('an object is expected');
      return field.fields.flatMap(({ name, shape: of, isRequired }) => {
        const given = value[name];
        if (given !== undefined) return problemsOf(of, given, inner(name));
        return isRequired ? [{ path: inner(name), why: 'is missing' }] : [];
      });
    }
    case 'list':
      if (!Array.isArray(value)) return wrong('a list is expected');
      return value.flatMap((one, at) => problemsOf(field.of, one, inner(String(at))));
    case 'choice':
      return field.among.some((one) => one === value) ? [] : wrong(`one of ${field.among.join(', ')}`);
    case 'text':
      return typeof value === 'string' ? textProblems(shape, value).map((why) => ({ path, why })) : wrong('is missing');
    case 'number':
    case 'integer':
      return numberProblems(shape, value, field.kind).map((why) => ({ path, why }));
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong('true or false is expected');
    case 'null':
    case 'any':
      return [];
  }
}

function textProblems(shape: NonNullable<Shape>, value: string): readonly string[] {
  const { minLength = 0, maxLength = Infinity, pattern } = shape;
  if (value.length === 0 && Number(minLength) > 0) return ['is missing'];
  if (value.length < Number(minLength)) return [`at least ${String(minLength)} characters`];
  if (value.length > Number(maxLength)) return [`at most ${String(maxLength)} characters`];
  return typeof pattern === 'string' && !matches(pattern, value) ? [`of the form ${pattern}`] : [];
}

/** A pattern that this browser cannot read is for the node to check. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}

function numberProblems(shape: NonNullable<Shape>, value: unknown, kind: 'number' | 'integer'): readonly string[] {
  if (typeof value !== 'number' || Number.isNaN(value)) return ['a number is expected'];
  if (kind === 'integer' && !Number.isInteger(value)) return ['a whole number is expected'];
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = shape;
  if (value < Number(minimum)) return [`at least ${String(minimum)}`];
  if (value > Number(maximum)) return [`at most ${String(maximum)}`];
  if (value <= Number(exclusiveMinimum)) return [`more than ${String(exclusiveMinimum)}`];
  return value >= Number(exclusiveMaximum) ? [`less than ${String(exclusiveMaximum)}`] : [];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isScalar = (value: unknown): value is string | number | boolean | null =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

/**
 * How rows of a file become commands. A mapping is JSON: texts in it hold the names of what a row has, in braces.
 *
 *     {
 *       "machine": "order", "command": "Place", "key": "{order_id}",
 *       "data": { "customer": "{customer_id}", "total": "{price:number}", "note": "{note?}" },
 *       "when": { "order_status": ["delivered", "shipped"] }
 *     }
 *
 * A text that is one name alone is what the row has there: of CSV a text, or, with `:number`, `:boolean` or `:json` behind the
 * name, what that text says. With a `?` the property is left out where the row has nothing. `a.b` is the b in a. Of a list of
 * mappings each applies whose `when` fits, in turn.
 */
import { LockstepError } from '../kernel/errors.ts';

export interface MappedCommand {
  readonly machine: string;
  readonly key: string;
  readonly command: string;
  readonly data: unknown;
}

/** By its names. */
export type Row = Readonly<Record<string, unknown>>;
export type Mapping = (row: Row) => readonly MappedCommand[];

interface Declared {
  readonly machine: string;
  readonly command: string;
  readonly key: string;
  readonly data?: unknown;
  readonly when?: Readonly<Record<string, readonly unknown[]>>;
}

/** For rows that are commands already: `{"machine", "key", "command", "data"}`. */
export const asItIs: Mapping = (row) => {
  const { machine, key, command, data } = row;
  if (typeof machine === 'string' && typeof key === 'string' && typeof command === 'string')
    return [{ machine, key, command, data }];
  throw wrong('a row is no command: it has machine, key and command, which are texts', {
    has: Object.keys(row).join(', ').slice(0, 200),
  });
};

/** @throws LockstepError `invalid` for what is none. Its function throws it for rows that do not fit. */
export function mappingOf(declared: unknown): Mapping {
  const all = Array.isArray(declared) ? declared : [declared];
  const mappings = all.map(checked);
  return (row) => mappings.filter((one) => applies(one, row)).map((one) => mapped(one, row));
}

function checked(declared: unknown): Declared {
  const { machine, command, key, when } = (declared ?? {}) as Readonly<Record<string, unknown>>;
  const isWhen =
    when === undefined || (typeof when === 'object' && when !== null && Object.values(when).every(Array.isArray));
  const isOne = [machine, command, key].every((one) => typeof one === 'string') && isWhen;
  if (isOne) return declared as Declared;
  throw wrong('a mapping has machine, command and key, which are texts, and may have data and when', {});
}

const applies = ({ when = {} }: Declared, row: Row): boolean =>
  Object.entries(when).every(([name, values]) => values.includes(valueAt(row, name)));

function mapped({ machine, command, key, data }: Declared, row: Row): MappedCommand {
  const itsData = filled(data, row);
  const texts = { machine: text(machine, row), command: text(command, row), key: text(key, row) };
  return { ...texts, data: itsData === nothing ? undefined : itsData };
}

function text(template: string, row: Row): string {
  const value = filled(template, row);
  if (value === nothing || value === '') throw wrong('a row has nothing here', { template });
  return String(value);
}

const named = /\{([^{}?:]+)(?::(number|boolean|json))?(\?)?\}/g;
const alone = new RegExp(`^${named.source}$`);
/** Stands for a property that is left out. */
const nothing = Symbol('nothing');

function filled(template: unknown, row: Row): unknown {
  if (typeof template === 'string') {
    const [, name, as, isOptional] = alone.exec(template) ?? [];
    if (name !== undefined) return valueOf(row, name, { as, isOptional: isOptional !== undefined });
    return template.replaceAll(named, (_all, within: string, kind: string | undefined) =>
      String(valueOf(row, within, { as: kind, isOptional: false })),
    );
  }
  if (Array.isArray(template)) return template.map((one) => filled(one, row)).filter((one) => one !== nothing);
  if (typeof template !== 'object' || template === null) return template;
  const entries = Object.entries(template).map(([name, value]) => [name, filled(value, row)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== nothing));
}

function valueOf(
  row: Row,
  name: string,
  { as, isOptional }: { readonly as: string | undefined; readonly isOptional: boolean },
): unknown {
  const value = valueAt(row, name);
  if (value === undefined || value === null || value === '') {
    if (isOptional) return nothing;
    if (value === undefined) throw wrong('a row has nothing of this name', { name });
  }
  if (as === undefined || typeof value !== 'string') return value;
  const said = as === 'number' ? numberIn(value) : as === 'boolean' ? booleans.get(value.toLowerCase()) : jsonIn(value);
  if (said === undefined) throw wrong(`this is no ${as}`, { name, value: value.slice(0, 100) });
  return said;
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
]);

function numberIn(text: string): number | undefined {
  const number = Number(text);
  return text.trim() === '' || !Number.isFinite(number) ? undefined : number;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told as what it is not
  }
}

function valueAt(row: Row, name: string): unknown {
  if (Object.hasOwn(row, name)) return row[name];
  let at: unknown = row;
  for (const part of name.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Row)[part];
  }
  return at;
}

const wrong = (what: string, values: Readonly<Record<string, string>>): LockstepError =>
  new LockstepError('invalid', what, { values });

/** Words for values that cannot be stored: where they lie and what is wrong. Runs on the way to an error alone. */

/** `$.items[3].when`, as far as `depth` steps lead. */
export function pathOf(path: readonly (string | number)[], depth: number): string {
  const steps = path.slice(0, depth).map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return `$${steps.join('')}`;
}

export interface Refusal {
  readonly message: string;
  readonly advice: string;
}

const stored =
  'a value is made of null, booleans, finite numbers, bigints, strings, dates, bytes, arrays and plain objects';

export function refusalOf(value: unknown): Refusal {
  if (value === undefined) {
    return { message: 'undefined cannot be stored', advice: 'write null; a property that is undefined is left out' };
  }
  if (typeof value === 'number') {
    return { message: `${value} cannot be stored: it is not finite`, advice: 'write null, or a string' };
  }
  if (typeof value === 'string') {
    return {
      message: 'a string is not well-formed: it has a lone surrogate',
      advice: 'store bytes as a Uint8Array, or repair the text with toWellFormed()',
    };
  }
  if (value instanceof Date) return { message: 'an invalid date cannot be stored', advice: 'write null' };
  if (typeof value !== 'object' || value === null) {
    return { message: `a ${typeof value} cannot be stored`, advice: stored };
  }
  return { message: `${instanceName(value)} cannot be stored`, advice: adviceFor(value) };
}

function instanceName(value: object): string {
  const maker: unknown = (value as { readonly constructor?: unknown }).constructor;
  const name = typeof maker === 'function' && maker.name !== '' ? maker.name : 'a class';
  return `an instance of ${name}`;
}

function adviceFor(value: object): string {
  if (value instanceof Map) return 'store an object (Object.fromEntries), or an array of pairs';
  if (value instanceof Set) return 'store an array of its members';
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'store bytes as a Uint8Array';
  return stored;
}

/** Where, along the path to something too deep, an object turns up that is also above itself; null if none does. */
export function cycleAlong(
  root: unknown,
  path: readonly (string | number)[],
  depth: number,
): { readonly depth: number; readonly sameDepth: number } | null {
  const above = new Map<unknown, number>();
  let current = root;
  for (let step = 0; step <= depth; step++) {
    const sameDepth = above.get(current);
    if (sameDepth !== undefined) return { depth: step, sameDepth };
    above.set(current, step);
    current = (current as Readonly<Record<string | number, unknown>>)[path[step] as string | number];
  }
  return null;
}

/** Whether two values that can be stored say the same. Their bytes say besides in which order properties were made. */
import { equalBytes } from './compare.ts';
import type { StoredValue } from './value-format.ts';

/** In whatever order properties stand; NaN is the same as itself, and -0 another than 0. */
export function isSameValue(a: StoredValue, b: StoredValue): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime());
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => isSameValue(item, b[at] as StoredValue));
  if (b instanceof Date || b instanceof Uint8Array || Array.isArray(b)) return false;
  const entries = Object.entries(a);
  return (
    entries.length === Object.keys(b).length &&
    entries.every(([key, value]) => Object.hasOwn(b, key) && isSameValue(value, b[key] as StoredValue))
  );
}

/** Values that are taken apart by who knows how they are built, without the arrays that hold their parts. */
import { LockstepError } from '../kernel/errors.ts';
import type { StoredValue } from './value-format.ts';

/**
 * `list`, then as many parts: each a list again, or taken whole. A list of several objects is taken whole, since those after
 * the first are written without their keys.
 */
export interface ValueParts {
  /** How many parts the array has that comes next; they come behind it. Null where null stands. @throws LockstepError `corrupt`. */
  list(): number | null;
  /** The part that comes next, whole. @throws LockstepError `corrupt`. */
  next(): StoredValue;
  /** All was taken. @throws LockstepError `corrupt` when more is there. */
  end(): void;
}

/** Of a value that is made already. */
export function partsOf(value: StoredValue): ValueParts {
  const within: { readonly items: readonly StoredValue[]; at: number }[] = [{ items: [value], at: 0 }];
  const pass = (): void => {
    for (let top = within.at(-1); top !== undefined && top.at === top.items.length; top = within.at(-1)) within.pop();
  };
  const next = (): StoredValue => {
    pass();
    const top = within.at(-1);
    if (top === undefined) throw notAsBuilt();
    return top.items[top.at++] as StoredValue; // before the end of its items
  };
  return {
    next,
    list: () => {
      const items = next();
      if (items === null) return null;
      if (!Array.isArray(items)) throw notAsBuilt();
      within.push({ items, at: 0 });
      return items.length;
    },
    end: () => {
      pass();
      if (within.length > 0) throw notAsBuilt();
    },
  };
}

const notAsBuilt = (): LockstepError => new LockstepError('corrupt', 'a value is not built as it is taken apart');

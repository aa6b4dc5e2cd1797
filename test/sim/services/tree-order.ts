/**
 * In which order unanswered writes may have been done, judged by what they led to. Searched from the end: whoever was
 * last left all its writes as they are found, and whatever it touched says nothing of those before it.
 */
import type { State, Write } from './tree-model.ts';

/** What a batch leaves of each key that it touches; null: nothing. */
type Effect = ReadonlyMap<string, string | null>;

/** Numbers of `batches`, so many, that done in this order make `after` of `before`; null when no order does. */
export function orderOf(
  before: State,
  batches: readonly (readonly Write[])[],
  count: number,
  after: State,
): readonly number[] | null {
  const keys = keysOf(before, batches, after);
  const effects = batches.map((writes) => effectOf(writes, keys));
  /** What the later ones touch follows from who they are, so each set of them is tried once. */
  const tried = new Set<string>();

  const endingWith = (later: readonly number[], touched: ReadonlySet<string>): readonly number[] | null => {
    if (later.length === count) {
      const isFrom = [...keys].every((key) => touched.has(key) || before.get(key) === after.get(key));
      return isFrom ? later : null;
    }
    const set = later.toSorted((a, b) => a - b).join(' ');
    if (tried.has(set)) return null;
    tried.add(set);
    for (const [index, effect] of [...effects.entries()].toReversed()) {
      if (later.includes(index)) continue;
      const isLast = [...effect].every(([key, value]) => touched.has(key) || (after.get(key) ?? null) === value);
      if (!isLast) continue;
      const order = endingWith([index, ...later], new Set([...touched, ...effect.keys()]));
      if (order !== null) return order;
    }
    return null;
  };
  return endingWith([], new Set());
}

function keysOf(before: State, batches: readonly (readonly Write[])[], after: State): ReadonlySet<string> {
  const put = batches.flat().flatMap((write) => (write.kind === 'put' ? [write.key] : []));
  return new Set([...before.keys(), ...put, ...after.keys()]);
}

function effectOf(writes: readonly Write[], keys: ReadonlySet<string>): Effect {
  const effect = new Map<string, string | null>();
  for (const write of writes) {
    if (write.kind === 'put') effect.set(write.key, write.value);
    else if (write.kind === 'delete') effect.set(write.key, null);
    else for (const key of keys) if (key >= write.from && key < write.to) effect.set(key, null);
  }
  return effect;
}

/** Why a transaction was not committed, in words. */
import { printableKey } from '../key-range.ts';
import type { Conflict } from './conflict.ts';
import type { Isolation } from './transaction.ts';

/** So many keys are named. */
const namedMax = 5;

/** So many of the last conflicts are told apart. */
const keptMax = 100;

/** What came of the attempts of one transaction. */
export class Conflicts {
  #kept: Conflict[] = [];

  get last(): Conflict | null {
    return this.#kept.at(-1) ?? null;
  }

  add(conflict: Conflict): void {
    this.#kept.push(conflict);
    if (this.#kept.length > 2 * keptMax) this.#kept = this.#kept.slice(keptMax);
  }

  /** `began`: the revision that the last attempt saw. */
  explain(attempts: number, began: number, isolation: Isolation): string {
    const sentences = [`not committed after ${attempts === 1 ? 'one attempt' : `${attempts} attempts`}`];
    const keys = changedKeys(this.#kept);
    if (keys.length > 0) {
      const what = isolation === 'serializable' ? 'had read' : 'was to write';
      const others = keys.length > namedMax ? [`and ${keys.length - namedMax} other keys`] : [];
      sentences.push(
        `other transactions had changed what it ${what}: ${[...keys.slice(0, namedMax), ...others].join(', ')}`,
        'what changes so often is better changed in a function without await, which runs alone, or touched last',
      );
    }
    const tooOld = this.#kept.filter(({ reason }) => reason === 'too-old');
    const { last } = this;
    if (tooOld.length > 0) {
      const recentFrom = last?.reason === 'too-old' ? `, and those after ${last.recentFrom} are` : '';
      sentences.push(
        `${times(tooOld.length)} it lasted longer than recent writes are known by their revisions: it saw revision ${began}${recentFrom}`,
        'let it wait for less between its first read and its end, or give the tree larger memtables (memtableBytes)',
      );
    }
    return sentences.join('; ');
  }
}

/** Those that were in the way most often come first. */
function changedKeys(conflicts: readonly Conflict[]): readonly string[] {
  const keys = new Map<string, { count: number; revision: number }>();
  for (const one of conflicts) {
    if (one.reason === 'too-old') continue;
    const key = printableKey(one.key);
    keys.set(key, { count: (keys.get(key)?.count ?? 0) + 1, revision: one.revision });
  }
  const often = [...keys].toSorted(([, a], [, b]) => b.count - a.count);
  return often.map(([key, { count, revision }]) => `${key} (${times(count)}, last at revision ${revision})`);
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

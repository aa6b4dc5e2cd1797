/** Why a transaction was not committed, in words. */
import { printableKey } from '../key-range.ts';
import type { Conflict } from './conflict.ts';
import type { Isolation } from './transaction.ts';

/** So many keys are named. */
const namedMax = 5;

/** What came of the attempts of one transaction. Bounded: keys that are too many are only counted. */
export class Conflicts {
  readonly #changed = new Map<string, { count: number; revision: number }>();
  #unnamedCount = 0;
  #tooOldCount = 0;
  #last: Conflict | null = null;

  get last(): Conflict | null {
    return this.#last;
  }

  add(conflict: Conflict): void {
    this.#last = conflict;
    if (conflict.reason === 'too-old') {
      this.#tooOldCount++;
      return;
    }
    const key = printableKey(conflict.key);
    const known = this.#changed.get(key);
    if (known === undefined && this.#changed.size >= namedMax) this.#unnamedCount++;
    else this.#changed.set(key, { count: (known?.count ?? 0) + 1, revision: conflict.revision });
  }

  /** `began`: the revision that the last attempt saw. */
  explain(attempts: number, began: number, isolation: Isolation): string {
    const sentences = [`not committed after ${times(attempts)}`];
    const changed = [...this.#changed].toSorted(([, a], [, b]) => b.count - a.count);
    if (changed.length > 0) {
      const what = isolation === 'serializable' ? 'had read' : 'was to write';
      const keys = changed.map(
        ([key, { count, revision }]) => `${key} (${times(count)}, last at revision ${revision})`,
      );
      if (this.#unnamedCount > 0) keys.push(`others (${times(this.#unnamedCount)})`);
      sentences.push(
        `other transactions had changed what it ${what}: ${keys.join(', ')}`,
        'what changes so often is better changed in a function without await, which runs alone, or touched last',
      );
    }
    if (this.#tooOldCount > 0) {
      const recentFrom = this.#last?.reason === 'too-old' ? `, now from ${this.#last.recentFrom} on` : '';
      sentences.push(
        `${times(this.#tooOldCount)} it lasted longer than recent writes are known by their revisions: it saw revision ${began}${recentFrom}`,
        'let it wait for less between its first read and its end, or give the tree larger memtables (memtableBytes)',
      );
    }
    return sentences.join('; ');
  }
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

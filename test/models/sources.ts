/** Several memtables of growing age with all that was ever written beside them, and what a reader must see of it. */
import { compareBytes } from '../../src/bytes/compare.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import type { RangeTombstone } from '../../src/storage/entry-cursor.ts';
import { Memtable } from '../../src/storage/memtable.ts';
import type { VisibleCursor } from '../../src/storage/visible-cursor.ts';
import { inOrder, put, randomKey, randomVersion, type Version } from './versions.ts';

export interface World {
  readonly tables: readonly Memtable[];
  readonly versions: readonly Version[];
  readonly ranges: readonly RangeTombstone[];
  readonly revision: number;
}

/** Each revision writes one version or one range, to the newest table of its time. */
export function worldOf(random: SeededRandom): World {
  const tables: Memtable[] = [];
  const [versions, ranges]: [Version[], RangeTombstone[]] = [[], []];
  let revision = 0;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const table = new Memtable();
    tables.unshift(table);
    for (let writes = random.below(80); writes > 0; writes--) {
      revision++;
      if (random.chance(0.04)) {
        const [start, end] = [randomKey(random), randomKey(random)].toSorted(compareBytes) as [Uint8Array, Uint8Array];
        if (compareBytes(start, end) === 0) continue;
        table.deleteRange(revision, start, end);
        ranges.push({ start, end, revision });
        continue;
      }
      const version = randomVersion(random, revision);
      put(table, version);
      versions.push(version);
    }
  }
  return { tables, versions, ranges, revision };
}

/** The keys and values at a revision, in order. */
export function seen(
  { versions, ranges }: World,
  at: number,
  from: Uint8Array | null,
  to: Uint8Array | null,
): string[] {
  const newest = new Map<string, Version>();
  for (const one of versions) if (one.revision <= at) newest.set([...one.key].join('.'), one);
  const isCovered = ({ key, revision }: Version): boolean =>
    ranges.some(
      (one) =>
        one.revision <= at &&
        one.revision > revision &&
        compareBytes(one.start, key) <= 0 &&
        compareBytes(key, one.end) < 0,
    );
  return [...newest.values()]
    .filter((one) => one.value !== null && !isCovered(one))
    .filter(({ key }) => (from === null || compareBytes(key, from) >= 0) && (to === null || compareBytes(key, to) < 0))
    .toSorted(inOrder)
    .map(({ key, value }) => `${[...key].join('.')} ${[...(value ?? [])].join('.')}`);
}

export const shownBy = (cursor: VisibleCursor): string =>
  `${[...cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd)].join('.')} ${[...cursor.valueBytes.slice(cursor.valueStart, cursor.valueEnd)].join('.')}`;

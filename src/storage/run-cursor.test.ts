/** A run of tables against one table with all of it: walks and searches. */
import { expect, test } from 'vitest';
import { model, plain, put, randomKey, randomVersion, shown, walk } from '../../test/models/versions.ts';
import { compareBytes } from '../bytes/compare.ts';
import { SeededRandom } from '../kernel/random.ts';
import { Memtable } from './memtable.ts';
import { RunCursor, type RunTable } from './run-cursor.ts';

test.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const versions = model(Array.from({ length: random.below(60) }, (_, at) => randomVersion(random, at)));
  const whole = new Memtable();
  for (const version of versions.toSorted((a, b) => a.revision - b.revision)) put(whole, version);
  const tables: RunTable[] = [];
  for (let from = 0; from < versions.length;) {
    let to = Math.min(versions.length, from + 1 + random.below(9));
    const key = (at: number): Uint8Array => versions[at]?.key ?? new Uint8Array(0);
    while (to < versions.length && compareBytes(key(to), key(to - 1)) === 0) to++;
    const part = new Memtable();
    for (const version of versions.slice(from, to).toSorted((a, b) => a.revision - b.revision)) put(part, version);
    tables.push({ range: { smallest: key(from), largest: key(to - 1) }, cursor: () => part.cursor() });
    from = to;
  }
  const run = new RunCursor(tables);
  expect(walk(run, 'next', 'first')).toEqual(versions.map(plain));
  expect(walk(run, 'previous', 'last')).toEqual(versions.toReversed().map(plain));
  const other = whole.cursor();
  for (let probe = 0; probe < 80; probe++) {
    const [key, revision] = [randomKey(random), random.below(60)];
    const how = random.pick(['seek', 'seekBefore'] as const);
    run[how](key, revision);
    other[how](key, revision);
    for (let step = 0; step < 3; step++) {
      expect(run.valid ? plain(shown(run)) : null).toBe(other.valid ? plain(shown(other)) : null);
      if (!other.valid) break;
      const way = random.pick(['next', 'previous'] as const);
      run[way]();
      other[way]();
    }
  }
});

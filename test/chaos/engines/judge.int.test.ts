/** The judge of the chaos, judged: a true story passes, and each single lie in it is found. */
import { expect, test } from 'vitest';
import type { Entry } from './journal.ts';
import { type Found, judge } from './judge.ts';

const claim = (position: number, epoch: number, name: string | null): Found => ({
  position,
  epoch,
  sequence: 0,
  chain: `c${position}`,
  name,
  number: null,
});
const record = (position: number, epoch: number, sequence: number, name: string, number: number): Found => ({
  position,
  epoch,
  sequence,
  chain: `c${position}`,
  name,
  number,
});

const log: readonly Found[] = [
  claim(1, 1, 'a'),
  record(2, 1, 1, 'a', 1),
  record(3, 1, 2, 'a', 2),
  claim(4, 2, 'b'),
  record(5, 2, 1, 'b', 1),
];

const journals: Readonly<Record<string, readonly Entry[]>> = {
  a: [
    { kind: 'leads', epoch: 1, position: 1, from: 10, at: 20 },
    { kind: 'tries', number: 1, epoch: 1, at: 30 },
    { kind: 'acknowledged', number: 1, position: 2, at: 40 },
    { kind: 'held', epoch: 1, from: 41, at: 42 },
    { kind: 'tries', number: 2, epoch: 1, at: 50 },
    { kind: 'unknown', number: 2, at: 60 },
  ],
  b: [
    { kind: 'leads', epoch: 2, position: 4, from: 55, at: 70 },
    { kind: 'tries', number: 1, epoch: 2, at: 80 },
    { kind: 'acknowledged', number: 1, position: 5, at: 90 },
  ],
  r: [
    { kind: 'saw', position: 1, chain: 'c1' },
    { kind: 'saw', position: 5, chain: 'c5' },
  ],
};

const judged = (found: readonly Found[], changes: Readonly<Record<string, readonly Entry[]>> = {}) =>
  judge(found, new Map(Object.entries({ ...journals, ...changes })));
const more = (name: string, ...entries: readonly Entry[]) => ({ [name]: [...(journals[name] ?? []), ...entries] });

test('a true story has no problem', () => {
  expect(judged(log)).toEqual({ problems: [], lost: [], diverged: [] });
});

test.each<[string, readonly Found[], Readonly<Record<string, readonly Entry[]>>, string]>([
  ['a hole', log.toSpliced(1, 1), {}, '3 comes after 1'],
  ['an older epoch after a claim', [...log, record(6, 1, 3, 'a', 3)], {}, '6: 1.3 comes after 2.1'],
  ['a record twice', [...log, record(6, 2, 2, 'b', 1)], {}, 'b:1 is in it twice'],
  ['a denied record', log, more('a', { kind: 'denied', number: 2, because: 'fenced', at: 61 }), 'a:2 was denied'],
  ['a record that nobody tried', [...log, record(6, 2, 2, 'b', 7)], {}, 'tried in undefined'],
  ['a later one without the one before', log.with(1, record(2, 1, 1, 'a', 2)), {}, 'a:2 at 2 where 1 was next'],
  [
    'a confirmation of who was deposed',
    log,
    more('a', { kind: 'held', epoch: 1, from: 91, at: 92 }),
    'a held 1 after b',
  ],
  [
    'one that began later and stands before',
    log,
    { b: [{ kind: 'leads', epoch: 2, position: 4, from: 5, at: 9 }] },
    'a:1 at 2 began after',
  ],
  ['what must not happen', log, more('r', { kind: 'failed', message: 'corrupt' }), 'r failed: corrupt'],
  [
    'a reader that goes on after something else',
    log,
    { r: [{ kind: 'saw', position: 3, chain: 'x' }, ...(journals['r'] ?? [])] },
    'r saw another record at 3, and read on up to 1',
  ],
  [
    'a false alarm of a reader',
    log,
    more('r', { kind: 'diverged', position: 6, expected: 'x', found: 'y' }),
    'all that it saw is there',
  ],
])('%s is found', (_, found, changes, problem) => {
  expect(judged(found, changes).problems.join('\n')).toContain(problem);
});

test('what was acknowledged and is not there is lost, and a reader that saw it and says so is right', () => {
  const rolledBack = log.slice(0, 4);
  expect(judged(rolledBack, { r: [] })).toEqual({
    problems: [],
    lost: ['b:1 at 5, where there is nothing'],
    diverged: [],
  });
  const told = more('r', { kind: 'diverged', position: 6, expected: 'c5', found: 'other' });
  const verdict = judged(rolledBack, told);
  expect(verdict.problems).toEqual([]);
  expect(verdict.diverged).toEqual(['r at 6: expected c5, found other']);
});

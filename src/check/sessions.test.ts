import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { checkSessions, sessionGuarantees, type SessionHistory } from './sessions.ts';

type Line = readonly [process: string, kind: 'read' | 'write', key: string, version: number | 'info'];

const historyOf = (...lines: readonly Line[]): SessionHistory =>
  lines.map(([process, kind, key, version], index) => ({
    process,
    call: { kind, key },
    invokedAt: index,
    outcome: version === 'info' ? { kind: 'info', at: null } : { kind: 'ok', at: index, result: { version } },
  }));

test.for([
  [
    'read-your-writes',
    [
      ['a', 'write', 'x', 2],
      ['a', 'read', 'x', 1],
    ],
  ],
  [
    'monotonic-reads',
    [
      ['a', 'read', 'x', 2],
      ['a', 'read', 'x', 1],
    ],
  ],
  [
    'monotonic-writes',
    [
      ['a', 'write', 'x', 2],
      ['a', 'write', 'x', 1],
    ],
  ],
  [
    'writes-follow-reads',
    [
      ['a', 'read', 'x', 2],
      ['a', 'write', 'x', 1],
    ],
  ],
] as const satisfies readonly (readonly [string, readonly Line[]])[])(
  '%s, broken by two operations of one session',
  ([guarantee, lines]) => {
    const { kind, violations, text } = checkSessions(historyOf(...lines));
    expect(kind).toBe('violation');
    expect(violations).toMatchObject([{ guarantee, process: 'a', key: 'x', earlier: 0, later: 1 }]);
    expect(text).toContain('version 2 of x (operation 0)');
    expect(
      checkSessions(
        historyOf(...lines),
        sessionGuarantees.filter((one) => one !== guarantee),
      ).kind,
    ).toBe('ok');
  },
);

test('other sessions, other keys and unknown operations promise nothing', () => {
  const history = historyOf(
    ['a', 'write', 'x', 2],
    ['b', 'read', 'x', 0],
    ['a', 'read', 'y', 0],
    ['a', 'write', 'y', 'info'],
    ['a', 'read', 'y', 0],
    ['b', 'read', 'x', 2],
    ['a', 'read', 'x', 3],
  );
  expect(checkSessions(history)).toMatchObject({ kind: 'ok', violations: [] });
});

test('versions that cannot be are refused', () => {
  expect(() => checkSessions(historyOf(['a', 'write', 'x', 1], ['b', 'write', 'x', 1]))).toThrow('written once');
  expect(() => checkSessions(historyOf(['a', 'write', 'x', 0]))).toThrow('before its first write');
  expect(() => checkSessions(historyOf(['a', 'read', 'x', 0.5]))).toThrow('whole number');
});

test('against the definition, all pairs of operations of a session', () => {
  let broken = 0;
  for (let seed = 0; seed < 1_000; seed++) {
    const random = new SeededRandom(seed);
    const versions = [1, 2, 3, 4, 5, 6, 7, 8];
    let newest = 0;
    const lines = Array.from({ length: 8 }, (): Line => {
      const isRead = random.chance(0.6);
      const taken = isRead
        ? Math.max(0, newest - (random.chance(0.2) ? 1 : 0))
        : (versions.splice(random.chance(0.9) ? 0 : random.below(versions.length), 1)[0] ?? 1);
      newest = Math.max(newest, taken);
      return [random.pick(['a', 'b', 'c']), isRead ? 'read' : 'write', 'x', taken];
    });
    const kinds = new Set<string>();
    for (const [at, [process, kind, , version]] of lines.entries()) {
      for (const [earlier, kindBefore, , before] of lines.slice(0, at)) {
        if (earlier !== process || before <= version) continue;
        const names = { 'write read': 0, 'read read': 1, 'write write': 2, 'read write': 3 } as const;
        kinds.add(sessionGuarantees[names[`${kindBefore} ${kind}`]] ?? '');
      }
    }
    const told = new Set(checkSessions(historyOf(...lines)).violations.map(({ guarantee }) => guarantee));
    expect([...told].sort(), `seed ${seed}`).toEqual([...kinds].sort());
    if (kinds.size > 0) broken++;
  }
  expect(broken).toBeGreaterThan(200);
  expect(broken).toBeLessThan(800);
});

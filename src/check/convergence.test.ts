import { expect, test } from 'vitest';
import { checkAdds, checkConvergence, type AddCall } from './convergence.ts';
import type { History } from './history.ts';

const state = (replica: string, values: Readonly<Record<string, string>>) => ({
  replica,
  values: new Map(Object.entries(values)),
});

test('replicas that hold the same have converged, in whatever order they hold it', () => {
  const replicas = [state('a', { x: '1', y: '2' }), state('b', { y: '2', x: '1' })];
  expect(checkConvergence(replicas)).toMatchObject({ kind: 'ok', divergences: [] });
  expect(checkConvergence([]).kind).toBe('ok');
});

test('a difference names the key, who holds what, and who last wrote it', () => {
  const replicas = [state('a', { x: '1', y: '2' }), state('b', { x: '3', y: '2' }), state('c', { x: '1' })];
  const writes = [
    { key: 'x', value: '1', by: 'client 1' },
    { key: 'x', value: '3', by: 'client 2' },
    { key: 'x', value: '1', by: 'client 3' },
  ];
  const verdict = checkConvergence(replicas, writes);
  expect(verdict.text).toBe(
    [
      'violation: 3 replicas, 2 keys, 2 differ',
      '  x: a, c hold 1 (last written by client 3); b holds 3 (last written by client 2)',
      '  y: a, b hold 2; c holds nothing',
    ].join('\n'),
  );
  expect(verdict.divergences.map(({ key }) => key)).toEqual(['x', 'y']);
});

test('every acknowledged add is there in the end, and nothing that nobody added', () => {
  const outcomes = { a: 'ok', b: 'ok', c: 'fail', d: 'info', e: 'info' } as const;
  const history: History<AddCall> = Object.entries(outcomes).map(([element, how], index) => ({
    process: 'p',
    call: { kind: 'add', element },
    invokedAt: index,
    outcome: how === 'info' ? { kind: how, at: null } : { kind: how, at: index, result: null },
  }));
  expect(checkAdds(history, new Set(['a', 'b', 'e']))).toMatchObject({ kind: 'ok', recovered: [4] });
  const verdict = checkAdds(history, new Set(['a', 'c', 'z']));
  expect(verdict).toMatchObject({ kind: 'violation', lost: [1], unexpected: ['c', 'z'] });
  expect(verdict.text).toContain('lost: b (operation 1, p)');
});

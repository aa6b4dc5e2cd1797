import { expect, test } from 'vitest';
import { errorKinds, isLockstepError, LockstepError, type ErrorKind } from './errors.ts';

test('the message is what was wrong, then the values, then what to do, a line each', () => {
  const error = new LockstepError('in-use', 'another process serves this directory', {
    values: { data: './bank-data', pid: 4711, since: null, epoch: 7n },
    advice: ['talk to it: connect()', 'or take its place'],
  });
  expect(error.message).toBe(
    'another process serves this directory data=`./bank-data` pid=`4711` since=`null` epoch=`7`\n' +
      '  talk to it: connect()\n  or take its place',
  );
  expect(String(error)).toMatch(/^LockstepError: another process/);
  expect(error.values).toEqual({ data: './bank-data', pid: 4711, since: null, epoch: 7n });
});

test('a kind brings whether it happened, whether to try again, and where it is explained', () => {
  for (const [kind, facts] of Object.entries(errorKinds)) {
    const error = new LockstepError(kind as ErrorKind, 'x');
    expect(error).toMatchObject({ kind, happened: facts.happened, retry: facts.retry, docs: `docs/errors.md#${kind}` });
    expect(error.message).toBe('x');
  }
});

test('values are a frozen copy', () => {
  const values: Record<string, number> = { count: 1 };
  const error = new LockstepError('overloaded', 'full', { values });
  values['count'] = 2;
  expect(error.values).toEqual({ count: 1 });
  expect(Object.isFrozen(error.values)).toBe(true);
  expect(Object.isFrozen(errorKinds)).toBe(true);
});

test('the cause is chained, and absent when there is none', () => {
  const cause = new Error('EIO');
  expect(new LockstepError('disk-failed', 'x', { cause }).cause).toBe(cause);
  expect('cause' in new LockstepError('disk-failed', 'x')).toBe(false);
});

test('isLockstepError knows errors of another copy of the package, and no others', () => {
  const foreign = Object.assign(new Error('x'), { '~lockstep': true, kind: 'unknown' });
  expect(isLockstepError(foreign)).toBe(true);
  expect(isLockstepError(foreign, 'unknown')).toBe(true);
  expect(isLockstepError(foreign, 'stopped')).toBe(false);
  expect(isLockstepError(new LockstepError('stopped', 'x'), 'stopped')).toBe(true);
  for (const other of [new Error('x'), null, undefined, 'unknown', { kind: 'unknown' }])
    expect(isLockstepError(other)).toBe(false);
});

test('only what may have happened is unknown, and only kinds worth trying again say so', () => {
  const kinds = Object.entries(errorKinds);
  expect(kinds.filter(([, facts]) => facts.happened === 'unknown').map(([kind]) => kind)).toEqual([
    'unknown',
    'disk-full',
    'disk-failed',
  ]);
  expect(kinds.filter(([, facts]) => facts.retry).map(([kind]) => kind)).toEqual([
    'overloaded',
    'unavailable',
    'unknown',
    'disk-full',
  ]);
});

test('a value in a message cannot steer the terminal that shows it', () => {
  const { message, values } = new LockstepError('misuse', 'no such key', { values: { key: 'a\u001b[2J\nb' } });
  expect(message).toBe('no such key key=`a\\u{1b}[2J\\u{a}b`');
  expect(values['key']).toBe('a\u001b[2J\nb');
});

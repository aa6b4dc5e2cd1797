import { expect, test } from 'vitest';
import {
  checkServer,
  commitWait,
  copiesOf,
  postgresGuarantees,
  waitsForStandby,
  type ServerSettings,
} from './settings.ts';

const alone: ServerSettings = {
  versionNumber: 150_000,
  inRecovery: false,
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  synchronousStandbyNames: '',
  standbys: 0,
};

test.each([
  ['', 3, 0, 0],
  ['a', 0, 1, 1],
  ['a, "b c"', 0, 1, 2],
  ['*', 0, 1, 1],
  ['*', 4, 1, 4],
  ['FIRST 2 (a, b, c)', 0, 2, 3],
  ['any 1 (a, b)', 0, 1, 2],
  ['2 (a, b)', 0, 2, 2],
  ['ANY 1 (*)', 5, 1, 5],
])('synchronous_standby_names %j with %d connected waits for %d of %d', (names, standbys, waitedFor, candidates) => {
  expect(copiesOf(names, standbys)).toEqual({ waitedFor, candidates });
});

test.each([
  ['alone', {}, 'machine', false],
  ['fsync off', { fsync: 'off' }, 'process', false],
  ['torn pages', { fullPageWrites: 'off' }, 'process', false],
  ['a server that has no such settings', { fsync: null, fullPageWrites: null }, 'process', false],
  ['one standby that is waited for', { synchronousStandbyNames: 'a' }, 'minority', true],
  ['one of two', { synchronousStandbyNames: 'ANY 1 (a, b)' }, 'minority', true],
  [
    'one of four: two replicas lost may be the two that have it',
    { synchronousStandbyNames: 'ANY 1 (a, b, c, d)' },
    'machine',
    true,
  ],
  ['two of four', { synchronousStandbyNames: 'ANY 2 (a, b, c, d)' }, 'minority', true],
  ['a standby, without fsync', { synchronousStandbyNames: 'a', fsync: 'off' }, 'process', true],
  [
    'a standby that commits do not wait for',
    { synchronousStandbyNames: 'a', synchronousCommit: 'local' },
    'machine',
    false,
  ],
] as const)('%s: what an acknowledgement survives', (_, changes, survives, failoverKeepsAcknowledged) => {
  expect(postgresGuarantees({ ...alone, ...changes })).toMatchObject({ survives, failoverKeepsAcknowledged });
});

test('a commit that would not even wait for the own disk waits for it here', () => {
  expect(commitWait({ synchronousCommit: 'off' })).toBe('on');
  expect(commitWait({ synchronousCommit: 'remote_apply' })).toBe('remote_apply');
  expect(waitsForStandby({ ...alone, synchronousCommit: 'off', synchronousStandbyNames: 'a' })).toBe(true);
});

test('what is too old and what is a standby is refused', () => {
  expect(() => checkServer({ ...alone, versionNumber: 120_022 })).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(() => checkServer({ ...alone, versionNumber: Number.NaN })).toThrow(
    expect.objectContaining({ kind: 'invalid' }),
  );
  expect(() => checkServer({ ...alone, inRecovery: true })).toThrow(expect.objectContaining({ kind: 'unavailable' }));
  expect(() => checkServer(alone)).not.toThrow();
});

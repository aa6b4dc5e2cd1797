import { expect, test } from 'vitest';
import { LockstepError } from '../../kernel/errors.ts';
import { connectFailure, sqlStateOf, statementFailure } from './sql-errors.ts';

const told = (code: string, severity = 'ERROR'): Error => Object.assign(new Error(`state ${code}`), { code, severity });
const system = (code: string): Error => Object.assign(new Error(code), { code });

test.each([
  ['a serialization failure', told('40001'), 'unavailable'],
  ['a deadlock', told('40P01'), 'unavailable'],
  ['a completion that is not known', told('40003'), 'unknown'],
  ['a lock that was not to be had', told('55P03'), 'unavailable'],
  ['a statement that was cancelled', told('57014'), 'unavailable'],
  ['a full disk', told('53100'), 'unavailable'],
  ['a server that is a standby', told('25006'), 'unavailable'],
  ['a table that is not there', told('42P01'), 'invalid'],
  ['one that is not there, in German', told('42P01', 'FEHLER'), 'invalid'],
  ['a right that is missing', told('42501'), 'invalid'],
  ['damage', told('XX001'), 'corrupt'],
  ['a server that shuts down, perhaps after the commit', told('57P01', 'FATAL'), 'unknown'],
  ['another process that crashed', told('57P02', 'FATAL'), 'unknown'],
  ['a server that does not take sessions yet', told('57P03', 'FATAL'), 'unavailable'],
  ['a pooler that lost its server', told('08P01', 'FATAL'), 'unknown'],
  ['a session that ended in another language', told('57P01', 'PANIK'), 'unknown'],
  ['a connection that was reset', system('ECONNRESET'), 'unknown'],
  ['a connection that was closed', system('CONNECTION_CLOSED'), 'unknown'],
  ['a server that nobody runs', system('ECONNREFUSED'), 'unavailable'],
  ['a client that had ended', system('CONNECTION_ENDED'), 'unavailable'],
  ['anything else', new Error('Connection terminated unexpectedly'), 'unknown'],
  ['what is no error', 'gone', 'unknown'],
])('%s', (_, error, kind) => {
  expect(statementFailure(error)).toMatchObject({ kind, cause: error });
});

test('before anything is sent nothing has happened; a wrong password will not get better', () => {
  expect(connectFailure(system('ECONNRESET')).kind).toBe('unavailable');
  expect(connectFailure(told('57P03', 'FATAL')).kind).toBe('unavailable');
  expect(connectFailure(told('28P01', 'FATAL')).kind).toBe('invalid');
  expect(connectFailure(told('3D000', 'FATAL')).kind).toBe('invalid');
});

test('a failure keeps the state that the server told, and is not told twice', () => {
  const failure = statementFailure(told('23505'));
  expect(sqlStateOf(failure)).toBe('23505');
  expect(statementFailure(failure)).toBe(failure);
  expect(sqlStateOf(new LockstepError('unavailable', 'elsewhere'))).toBeNull();
});

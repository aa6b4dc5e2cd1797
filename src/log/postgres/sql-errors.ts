/**
 * What went wrong at PostgreSQL, as a LockstepError that says for certain whether the statement may have had an effect.
 * An error that the server answered ended the transaction without one; a session that ended (FATAL), or whose
 * connection was lost, may have committed before. Codes: PostgreSQL's documentation, appendix A.
 */
import { isLockstepError, LockstepError, type ErrorKind } from '../../kernel/errors.ts';

/** The states that this engine itself acts on. */
export const sqlStates = {
  uniqueViolation: '23505',
  notNullViolation: '23502',
  undefinedTable: '42P01',
  duplicateTable: '42P07',
  lockNotAvailable: '55P03',
  /** A prepared statement that is not on this connection, or is already. */
  unknownStatement: '26000',
  duplicateStatement: '42P05',
  syntaxError: '42601',
  featureNotSupported: '0A000',
} as const;

interface Told {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
}

/** A statement was sent, or may have been. */
export function statementFailure(error: unknown): LockstepError {
  if (isLockstepError(error)) return error;
  const told = toldBy(error);
  if (told === null) {
    const unsent = unsentCodes.includes(codeOf(error));
    const kind = unsent ? 'unavailable' : 'unknown';
    return new LockstepError(kind, unsent ? unreachable : 'the connection to PostgreSQL was lost', { cause: error });
  }
  const isError = told.severity === 'ERROR' || plainErrors.includes(told.code.slice(0, 2));
  const kind = isError ? kindOf(told.code) : fatalKindOf(told.code);
  return new LockstepError(kind, `PostgreSQL refused: ${told.message}`, {
    values: { sqlState: told.code },
    advice: adviceOn(told.code),
    cause: error,
  });
}

/** No statement was sent. What will not pass by itself (a password, a database that is not there) is `invalid`. */
export function connectFailure(error: unknown): LockstepError {
  if (isLockstepError(error)) return error;
  const told = toldBy(error);
  const values = told === null ? {} : { sqlState: told.code };
  const final = told !== null && ['28', '3D', '42'].includes(told.code.slice(0, 2));
  return new LockstepError(
    final ? 'invalid' : 'unavailable',
    told === null ? unreachable : `PostgreSQL refused: ${told.message}`,
    {
      values,
      cause: error,
    },
  );
}

const unreachable = 'PostgreSQL cannot be reached';

/** What clients say when they had no connection to send anything on. */
const unsentCodes: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'CONNECT_TIMEOUT',
  'CONNECTION_ENDED',
];

export const sqlStateOf = (error: unknown): string | null =>
  isLockstepError(error) && typeof error.values['sqlState'] === 'string' ? error.values['sqlState'] : null;

const codeOf = (error: unknown): string => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
};

/** Both clients give the fields of the server's message; a system's error has no severity. */
function toldBy(error: unknown): Told | null {
  if (typeof error !== 'object' || error === null || !('severity' in error)) return null;
  const { severity, code, message } = error as Partial<Record<keyof Told, unknown>>;
  const shape = /^[0-9A-Z]{5}$/;
  if (typeof code !== 'string' || !shape.test(code)) return null;
  return { code, severity: String(severity), message: String(message) };
}

/** Classes that no FATAL has: `pg` gives the severity in the server's language. */
const plainErrors: readonly string[] = ['22', '23', '26', '40', '42', '55', '3F'];

/** An ERROR: the transaction had no effect. But for 40003, which says that it may have had one. */
function kindOf(code: string): ErrorKind {
  if (code === '40003') return 'unknown';
  if (['XX001', 'XX002'].includes(code)) return 'corrupt';
  const passing = ['40', '53', '57'].includes(code.slice(0, 2)) || passingStates.includes(code);
  return passing ? 'unavailable' : 'invalid';
}

/** Locks, and a server that became, or still is, a standby. */
const passingStates: readonly string[] = ['55P03', '55006', '25006', '25P02', 'XX000'];

/** The session ended. Only where it says that it took nothing at all, nothing happened. */
const fatalKindOf = (code: string): ErrorKind =>
  ['57P03', '53300'].includes(code) ? 'unavailable' : code.startsWith('28') || code === '3D000' ? 'invalid' : 'unknown';

function adviceOn(code: string): readonly string[] {
  if (code === '42501') return ['`postgresSchema()` ends with the rights that a role needs'];
  if (code === '42P01' || code === '3F000') return ["apply `postgresSchema()`, or open with `migrate: 'apply'`"];
  return [];
}

export const tooLate = (withinMs: number): LockstepError =>
  new LockstepError('unknown', 'PostgreSQL did not answer', { values: { withinMs } });

/** Of a call that changes nothing: what is lost of it is only not there. */
export async function harmless<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!isLockstepError(cause, 'unknown')) throw cause;
    throw new LockstepError('unavailable', cause.message, { cause });
  }
}

/**
 * Session guarantees (Terry, Demers, Petersen, Spreitzer, Theimer and Welch, "Session Guarantees for Weakly Consistent
 * Replicated Data", 1994) over histories of reads and writes whose order is known: every write of a key has a version,
 * a number that grows, and every read says which version it saw. A session is a process. Linear in the history but for
 * the keys that a session has seen.
 */
import { LockstepError } from '../kernel/errors.ts';
import { validateHistory, type History } from './history.ts';

/** A write is asked for without a version: the system gives it one. */
export type SessionCall =
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'write'; readonly key: string };

/** The version that was written or read; 0 is a key that nobody has written. Versions of one key are unique. */
export interface SessionResult {
  readonly version: number;
}

export type SessionHistory = History<SessionCall, SessionResult>;

export type SessionGuarantee =
  /** A read sees the session's own earlier writes of the key, or later ones. */
  | 'read-your-writes'
  /** A read does not see less of a key than an earlier read of the session. */
  | 'monotonic-reads'
  /** A write of a key is ordered after the session's earlier writes of it. */
  | 'monotonic-writes'
  /** A write of a key is ordered after the versions of it that the session had read. */
  | 'writes-follow-reads';
export const sessionGuarantees: readonly SessionGuarantee[] = Object.freeze([
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
]);

export interface SessionViolation {
  readonly guarantee: SessionGuarantee;
  readonly process: string;
  readonly key: string;
  /** Indexes into the history: what the session had done, and what then went back behind it. */
  readonly earlier: number;
  readonly later: number;
  readonly text: string;
}

export interface SessionsVerdict {
  readonly kind: 'ok' | 'violation';
  readonly violations: readonly SessionViolation[];
  readonly text: string;
}

interface Seen {
  readonly version: number;
  readonly index: number;
}

/**
 * Judges every session by itself, key by key: the guarantees as far as one key's versions can show them. What spans
 * keys (a write of one after a read of another) is not judged here: record transactions and check these with
 * `order: 'process'`. Only acknowledged operations count. A process does one operation after the other, so those of
 * one process are in the order of their session.
 * @throws LockstepError `invalid` for a history out of order, a version that is no natural number, or two writes of one version.
 */
export function checkSessions(
  history: SessionHistory,
  guarantees: readonly SessionGuarantee[] = sessionGuarantees,
): SessionsVerdict {
  validateHistory(history);
  validateVersions(history);
  const violations: SessionViolation[] = [];
  const wanted = new Set(guarantees);
  const sessions = new Map<string, Map<string, { read: Seen | null; written: Seen | null }>>();
  for (const [index, { process, call, outcome }] of history.entries()) {
    if (outcome.kind !== 'ok') continue;
    const { version } = outcome.result;
    const keys = sessions.get(process) ?? new Map<string, { read: Seen | null; written: Seen | null }>();
    sessions.set(process, keys);
    const seen = keys.get(call.key) ?? { read: null, written: null };
    keys.set(call.key, seen);
    const isRead = call.kind === 'read';
    const expect = (guarantee: SessionGuarantee, earlier: Seen | null): void => {
      if (earlier === null || earlier.version <= version || !wanted.has(guarantee)) return;
      const before = guarantee === 'monotonic-reads' || guarantee === 'writes-follow-reads' ? 'read' : 'wrote';
      const text = `${guarantee}: ${process} ${before} version ${earlier.version} of ${call.key} (operation ${earlier.index}), then ${isRead ? 'read' : 'wrote'} version ${version} (operation ${index})`;
      violations.push({ guarantee, process, key: call.key, earlier: earlier.index, later: index, text });
    };
    expect(isRead ? 'read-your-writes' : 'monotonic-writes', seen.written);
    expect(isRead ? 'monotonic-reads' : 'writes-follow-reads', seen.read);
    const place = isRead ? 'read' : 'written';
    if ((seen[place]?.version ?? -1) < version) seen[place] = { version, index };
  }
  const kind = violations.length > 0 ? 'violation' : 'ok';
  const heading = `${kind}: ${sessions.size} sessions, ${violations.length} violations of ${guarantees.join(', ')}`;
  return { kind, violations, text: [heading, ...violations.map(({ text }) => `  ${text}`)].join('\n') };
}

function validateVersions(history: SessionHistory): void {
  const writers = new Map<string, Set<number>>();
  for (const [operation, { call, outcome }] of history.entries()) {
    if (outcome.kind !== 'ok') continue;
    const { version } = outcome.result;
    const refuse = (what: string): never => {
      throw new LockstepError('invalid', what, { values: { operation, key: call.key, version } });
    };
    if (!Number.isSafeInteger(version) || version < 0) refuse('a version is a whole number from 0 up');
    if (call.kind === 'read') continue;
    const versions = writers.get(call.key) ?? new Set();
    if (version === 0) refuse('version 0 is a key before its first write');
    if (versions.has(version)) refuse('a version of a key is written once');
    writers.set(call.key, versions.add(version));
  }
}

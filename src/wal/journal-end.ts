/** How a journal ends, and what those are told who waited for it or come later. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { JournalPlace } from './recovery.ts';

export type JournalEnd =
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'refused' }
  | { readonly kind: 'closed' };

/** Where space ran out before there was anything of a group that could ever be taken for it. */
export const notThere = (cause: unknown): unknown =>
  isLockstepError(cause, 'disk-full')
    ? new LockstepError('unavailable', 'the disk is full, and these entries are not there', {
        cause,
        values: cause.values,
        advice: ['free space, then open the journal again'],
      })
    : cause;

/** What a group's waiters are told when its write or sync failed: it may be there at the next opening, or is `notThere`. */
export const unknownOf = (cause: unknown, end: JournalPlace, path: string): unknown =>
  isLockstepError(cause) && cause.kind !== 'unavailable'
    ? new LockstepError('unknown', 'the disk failed while these entries were written', {
        cause,
        values: { path, offset: end.offset, ...cause.values },
        advice: ['open the journal again: it tells whether they are there'],
      })
    : cause;

/** What everybody else is told. */
export function finishedBy(error: unknown, end: JournalPlace, path: string): unknown {
  const cause = isLockstepError(error, 'unavailable') ? error.cause : error;
  if (!isLockstepError(cause)) return cause;
  return new LockstepError(cause.kind, 'the disk failed, and this journal is finished', {
    cause,
    values: { path, offset: end.offset, ...cause.values },
    advice: ['what was acknowledged stays; see to the disk, then open it again'],
  });
}

export const endError = (ended: JournalEnd | null): unknown =>
  ended?.kind === 'failed' ? ended.error : new LockstepError('stopped', 'the journal was closed');

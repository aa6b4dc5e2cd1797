/** How a journal ends, and what those are told who waited for it or come later. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import type { JournalPlace } from './recovery.ts';

export type JournalEnd =
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'refused' }
  | { readonly kind: 'closed' };

/** What a group's waiters are told when its write or sync failed: it may be there at the next opening. */
export const unknownOf = (cause: unknown, end: JournalPlace, path: string): unknown =>
  isLockstepError(cause)
    ? new LockstepError('unknown', 'the disk failed while these entries were written', {
        cause,
        values: { path, offset: end.offset, ...cause.values },
        advice: ['open the journal again: it tells whether they are there'],
      })
    : cause;

/** What everybody else is told. */
export const finishedBy = (cause: unknown, end: JournalPlace, path: string): unknown =>
  isLockstepError(cause)
    ? new LockstepError(cause.kind, 'the disk failed, and this journal is finished', {
        cause,
        values: { path, offset: end.offset, ...cause.values },
        advice: ['what was acknowledged stays; see to the disk, then open it again'],
      })
    : cause;

export const endError = (ended: JournalEnd | null): unknown =>
  ended?.kind === 'failed' ? ended.error : new LockstepError('stopped', 'the journal was closed');

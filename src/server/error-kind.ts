/** Where a problem's `type` leads: what its kind of error means, from the table that the documentation is printed from. */
import { errorKinds, type ErrorKind } from '../kernel/errors.ts';
import type { Reply } from './exchange.ts';
import { statusOfKind } from './problem.ts';
import { jsonType } from './wire.ts';

/** The same for everybody, so it may be kept. */
export function explainKind(kind: ErrorKind): Reply {
  const { meaning, happened, retry, advice } = errorKinds[kind];
  const body = JSON.stringify({ kind, status: statusOfKind[kind], meaning, happened, retry, advice });
  return { status: 200, headers: { 'content-type': jsonType, 'cache-control': 'public, max-age=86400' }, body };
}

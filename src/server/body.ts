/** A request's body: of a known type, at most so large, and there in time. */
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { within } from '../log/within.ts';
import type { Asked } from './exchange.ts';
import type { HandlerLimits } from './limits.ts';
import { refusal, type Refusal } from './problem.ts';
import { decodeBody, jsonType, valueType, type BodyFormat } from './wire.ts';

export interface Body {
  readonly kind: 'body';
  /** Undefined where there is none. */
  readonly value: unknown;
}

/** @throws LockstepError `invalid` for what is not of its type. */
export async function readBody(asked: Asked, limits: HandlerLimits, timers: Timers): Promise<Body | Refusal> {
  const { bodyBytesMax, bodyMsMax } = limits;
  if (Number(asked.headers.get('content-length') ?? 0) > bodyBytesMax) return tooLarge(bodyBytesMax);
  // Most bodies come with the head: they need no deadline.
  let bytes = await asked.earlyBody();
  if (bytes === null) {
    const read = await within(timers, bodyMsMax, [], (late) => asked.readBody(bodyBytesMax, late));
    if (read.kind === 'late') return tooSlow(bodyMsMax);
    bytes = read.value;
  }
  if (bytes === null || bytes.length > bodyBytesMax) return tooLarge(bodyBytesMax);
  const format = formatOf(asked.headers.get('content-type'));
  // A page of another origin may send nothing without asking, and names itself then: a command without data is one too.
  const isOfPage = asked.headers.get('origin') !== null;
  if (bytes.length === 0) return format === null && isOfPage ? wrongType() : { kind: 'body', value: undefined };
  return format === null ? wrongType() : { kind: 'body', value: decodeBody(bytes, format) };
}

/** Null: neither. A page of another origin may send JSON only after it has asked whether it may. */
function formatOf(contentType: string | null): BodyFormat | null {
  if (contentType === jsonType) return 'json';
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === jsonType) return 'json';
  return type === valueType ? 'value' : null;
}

const tooLarge = (bodyBytesMax: number): Refusal =>
  refusal(413, new LockstepError('invalid', 'the body is too large', { values: { bodyBytesMax } }));
const tooSlow = (bodyMsMax: number): Refusal =>
  refusal(408, new LockstepError('unavailable', 'the body did not arrive in time', { values: { bodyMsMax } }));
const wrongType = (): Refusal =>
  refusal(415, new LockstepError('misuse', `the body is of another type than ${jsonType} and ${valueType}`), {
    'accept-post': `${jsonType}, ${valueType}`,
  });

/** A request's body: of a known type, at most so large, and there in time. */
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { atMost } from '../log/within.ts';
import type { HandlerLimits } from './limits.ts';
import { refusal, type Refusal } from './problem.ts';
import { decodeBody, jsonType, valueType, type BodyFormat } from './wire.ts';

export interface Body {
  readonly kind: 'body';
  /** Null where there is none. */
  readonly value: unknown;
}

/** @throws LockstepError `invalid` for what is not of its type. */
export async function readBody(request: Request, limits: HandlerLimits, timers: Timers): Promise<Body | Refusal> {
  const { bodyBytesMax, bodyMsMax } = limits;
  if (Number(request.headers.get('content-length') ?? 0) > bodyBytesMax) return tooLarge(bodyBytesMax);
  if (request.body === null) return { kind: 'body', value: null };
  const reader = request.body.getReader();
  const read = await atMost(timers, bodyMsMax, [], () => bytesOf(reader, bodyBytesMax));
  if (read.kind === 'done' && read.value !== null) {
    if (read.value.length === 0) return { kind: 'body', value: null };
    const format = formatOf(request.headers.get('content-type'));
    return format === null ? wrongType() : { kind: 'body', value: decodeBody(read.value, format) };
  }
  reader.cancel().catch(() => {}); // it may be broken already
  return read.kind === 'late' ? tooSlow(bodyMsMax) : tooLarge(bodyBytesMax);
}

/** Null: more than `bytesMax`. @throws LockstepError `invalid` when it broke off. */
async function bytesOf(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  bytesMax: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let count = 0;
  for (;;) {
    const { done, value } = await next(reader);
    if (done) break;
    count += value.length;
    if (count > bytesMax) return null;
    chunks.push(value);
  }
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(count);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>) {
  try {
    return await reader.read();
  } catch (cause) {
    throw new LockstepError('invalid', 'the body broke off', { cause });
  }
}

/** Null: neither. A page of another origin may send JSON only after it has asked whether it may. */
function formatOf(contentType: string | null): BodyFormat | null {
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

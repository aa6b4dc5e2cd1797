/**
 * What client and server say to each other: paths, headers and bodies. A body is JSON for whoever asks for nothing else;
 * between our own ends it is in the codec of users' values, so that dates, bigints and bytes arrive as what they were.
 */
import { hash128 } from '../bytes/hash.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Cause } from '../machine/connection.ts';
import type { Fence } from '../machine/definition.ts';

export const jsonType = 'application/json';
/** A value in our own codec; in an event stream each `data` line is one in base64. */
export const valueType = 'application/vnd.lockstep.value';
export const problemType = 'application/problem+json';
export const eventStreamType = 'text/event-stream';

/** Names of headers, beside HTTP's own `If-Match`, `ETag` and `Last-Event-ID`. */
export const headerNames = {
  /** The id of a command: sent again it runs once (draft-ietf-httpapi-idempotency-key-header). */
  commandId: 'idempotency-key',
  /** How long the sender waits, as a duration: `5s`. */
  deadline: 'lockstep-deadline',
  /** A fence. */
  fence: 'lockstep-fence',
  /** Who asks, named by a caller that is trusted. */
  actor: 'lockstep-actor',
  /** The event that led to a command, likewise. */
  cause: 'lockstep-cause',
  correlationId: 'lockstep-correlation-id',
  /** W3C Trace Context. */
  trace: 'traceparent',
  /** Of an answer: pass it back as `after`. */
  token: 'lockstep-token',
} as const;

export type Query = Readonly<Record<string, string | undefined>>;

const search = (query: Query): string => {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`;
};

/** Keys are in the query, where every character keeps its meaning on its way through proxies. */
export const paths = {
  command: (machine: string, command: string, query: { readonly key: string }): string =>
    `/machines/${machine}/commands/${command}${search(query)}`,
  state: (machine: string, query: Query & { readonly key: string }): string =>
    `/machines/${machine}/state${search(query)}`,
  events: (machine: string, query: Query): string => `/machines/${machine}/events${search(query)}`,
  query: (name: string, query: Query): string => `/queries/${name}${search(query)}`,
  errorKind: (kind: string): string => `/errors/${kind}`,
};

export type BodyFormat = 'json' | 'value';

export const typeOf = (format: BodyFormat): string => (format === 'json' ? jsonType : valueType);

/** A value as the bytes of a body. @throws LockstepError `invalid` for what is no plain data. */
export function encodeBody(value: unknown, format: BodyFormat): Uint8Array<ArrayBuffer> | string {
  if (format === 'json') return jsonOf(value);
  return new ValueEncoder().encode(value) as Uint8Array<ArrayBuffer>; // made by this encoder, never shared
}

/** @throws LockstepError `invalid` for bytes that are not of this format. */
export function decodeBody(bytes: Uint8Array, format: BodyFormat): unknown {
  if (format === 'json') return parseJson(textOf(bytes));
  try {
    return new ValueDecoder().decode(bytes);
  } catch (cause) {
    throw new LockstepError('invalid', 'the body is no value in our codec', { cause });
  }
}

/** Where JSON has no word: dates and bigints are strings, bytes are base64. */
export const jsonOf = (value: unknown): string =>
  isJson(value) ? JSON.stringify(value ?? null) : JSON.stringify(value, jsonValue);

/** Whether JSON has words for all of it: asking each value beforehand takes a fraction of being asked for each by `stringify`. */
function isJson(value: unknown): boolean {
  if (typeof value === 'bigint') return false;
  if (typeof value !== 'object' || value === null || value instanceof Date) return true;
  if (value instanceof Uint8Array) return false;
  if (Array.isArray(value)) return value.every(isJson);
  for (const key in value) if (!isJson(value[key as keyof typeof value])) return false;
  return true;
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? base64Of(value) : value;
}

export const base64Of = (bytes: Uint8Array): string => {
  let text = '';
  // Many at once, but not more than a call takes arguments.
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text);
};

/** @throws LockstepError `invalid` for a text that is no base64. */
export function bytesOfBase64(text: string): Uint8Array {
  try {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
    return bytes;
  } catch (cause) {
    throw new LockstepError('invalid', 'this is no base64', { cause });
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    throw new LockstepError('invalid', 'the body is no UTF-8', { cause });
  }
}

/** A `__proto__` of JSON is a property like any other until somebody copies it: it is refused. */
function parseJson(text: string): unknown {
  if (text.length === 0) return null;
  try {
    return JSON.parse(text, mayHoldProto(text) ? refuseProto : undefined);
  } catch (cause) {
    if (cause instanceof LockstepError) throw cause;
    if (cause instanceof RangeError) throw new LockstepError('invalid', 'the body is nested too deep');
    throw new LockstepError('invalid', `the body is no JSON: ${cause instanceof Error ? cause.message : 'unreadable'}`);
  }
}

/** Looking at each value takes longer than parsing: it is done only where there may be one, written out or escaped. */
const mayHoldProto = (text: string): boolean => text.includes('__proto__') || text.includes('\\u');

function refuseProto(key: string, value: unknown): unknown {
  if (key !== '__proto__') return value;
  throw new LockstepError('invalid', 'a property of the body is called __proto__');
}

/** Plain data as a header. */
const printField = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

/** The properties of what `printField` printed; none for any other text. */
function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(decodeURIComponent(text))) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** Text in a header is percent-encoded. @throws LockstepError `invalid` where it is not. */
export function decodedText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new LockstepError('invalid', 'this is no percent-encoded text', {
      values: { text: text.slice(0, 64) },
      cause,
    });
  }
}

export const printFence = (fence: Fence): string => printField(fence);

/** @throws LockstepError `invalid` for a text that is none. */
export function parseFence(text: string): Fence {
  const { lock, key, token } = fieldsOf(text);
  if (typeof lock === 'string' && typeof key === 'string' && typeof token === 'number') return { lock, key, token };
  throw new LockstepError('invalid', 'this is no fence', { values: { fence: text.slice(0, 100) } });
}

export const printCause = ({ id, correlationId, trace }: Cause): string => printField({ id, correlationId, trace });

/** @throws LockstepError `invalid` for a text that is none. */
export function parseCause(text: string): Cause {
  const { id, correlationId, trace } = fieldsOf(text);
  const isTrace = trace === null || typeof trace === 'string';
  if (typeof id === 'string' && typeof correlationId === 'string' && isTrace) return { id, correlationId, trace };
  throw new LockstepError('invalid', 'this is no cause', { values: { cause: text.slice(0, 100) } });
}

/** A version as an entity tag. */
export const etagOf = (version: number): string => `"${version}"`;

/** Of a state: new code, and a key that is destroyed, change it while its version stays. */
export function etagOfState(version: number, state: unknown): string {
  const sum = new Uint32Array(4);
  hash128(sum, new ValueEncoder().encode(state));
  return `"${version}.${Array.from(sum, (word) => word.toString(16).padStart(8, '0')).join('')}"`;
}

/** Null for a text that is no entity tag of a version. */
export function versionOfEtag(etag: string): number | null {
  const [, digits] = /^(?:W\/)?"(0|[1-9]\d{0,15})(?:\.[0-9a-f]{32})?"$/.exec(etag.trim()) ?? [];
  return digits === undefined ? null : Number(digits);
}

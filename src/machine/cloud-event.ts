/**
 * Events at the edges as CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md): in its JSON
 * format, and over HTTP in the structured and the binary mode. What the specification has no attribute for are extensions:
 * its own `sequence`, `partitionkey` and `traceparent`, and ours for the metadata of events.
 *
 * Data is JSON by default: a Date becomes a text, and what JSON has no word for (bigint, bytes within, NaN) is refused, not
 * bent. As `value` it is in the codec of users' values, and every type of them survives.
 */
import { base64Of, bytesOfBase64 } from '../bytes/base64.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Recorded } from './connection.ts';
import type { AnyMachine } from './definition.ts';

/** The JSON format of a CloudEvent: attributes, and `data` or `data_base64`. Extensions are texts. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  /** RFC 3339. */
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

export interface CloudEventOptions {
  /** Of which context events are: a URI reference, such as `https://example.com/bank`. With `id` it names an event for ever. */
  readonly source: string;
  /** `json` for everybody; `value` for whoever reads our codec: then all types survive. Default `json`. */
  readonly data?: 'json' | 'value' | undefined;
}

/** What an event says of itself, without what only its own store can say of it. */
export interface ReceivedEvent {
  readonly source: string;
  readonly id: string;
  readonly machine: string;
  readonly type: string;
  readonly key: string;
  readonly version: number;
  /** As its JSON, or its codec, has it: check it with a schema. */
  readonly data: unknown;
  readonly at: Date;
  readonly actor: string | null;
  readonly commandId: string | null;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly trace: string | null;
}

/** An HTTP message's part that carries an event. Names of headers are in lower case. */
export interface CloudEventMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

const jsonType = 'application/json';
const valueType = 'application/vnd.lockstep.value';
const structuredType = 'application/cloudevents+json';
/** Texts of these order as the numbers do: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/sequence.md */
const sequenceDigits = 16;

/**
 * An event in the newest of its shapes, as `events` and `readStream` give it.
 * @throws LockstepError `invalid` for data that JSON has no word for, with its path.
 */
export function toCloudEvent(
  event: Recorded<AnyMachine>,
  { source, data: as = 'json' }: CloudEventOptions,
): CloudEvent {
  const { id, machine, type, key, place, at, version, actor, commandId, correlationId, causationId, trace } = event;
  const { data } = event;
  const attributes = { specversion: '1.0', id, source, type: `${machine}.${type}`, subject: key } as const;
  const extensions = {
    sequence: String(version).padStart(sequenceDigits, '0'),
    partitionkey: place,
    actor,
    commandid: commandId,
    correlationid: correlationId,
    ...(causationId === null ? {} : { causationid: causationId }),
    ...(trace === null ? {} : { traceparent: trace }),
  };
  const about = { ...attributes, time: at.toISOString(), ...extensions };
  if (data === undefined) return about;
  if (as === 'value')
    return { ...about, datacontenttype: valueType, data_base64: base64Of(new ValueEncoder().encode(data)) };
  return { ...about, datacontenttype: jsonType, data: jsonOf(data, 'data', jsonDepthMax) };
}

/**
 * What `toCloudEvent` made an event of. Whoever else makes one gives `type` as `MACHINE.EVENT` and `subject` as the key.
 * @throws LockstepError `invalid` for what is no CloudEvent 1.0, or none of an event of a machine.
 */
export function fromCloudEvent(event: CloudEvent): ReceivedEvent {
  checkAttributes(event);
  const { id, source, type: name, subject, time } = event;
  const [machine = '', type = '', ...more] = name.split('.');
  const at = new Date(time ?? Number.NaN);
  const version = Number(textOf(event, 'sequence') ?? 0);
  if (machine === '' || type === '' || more.length > 0 || !subject || Number.isNaN(at.getTime()))
    throw wrong('this is no event of a machine: it has type `MACHINE.EVENT`, a subject and a time', { id, type: name });
  if (!Number.isSafeInteger(version)) throw wrong('its sequence is no version', { id });
  return {
    source,
    id,
    machine,
    type,
    key: subject,
    version,
    data: dataOf(event),
    at,
    actor: textOf(event, 'actor'),
    commandId: textOf(event, 'commandid'),
    correlationId: textOf(event, 'correlationid') ?? id,
    causationId: textOf(event, 'causationid'),
    trace: textOf(event, 'traceparent'),
  };
}

/** HTTP protocol binding, sections 3.1 and 3.2: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md */
export function toHttp(event: CloudEvent, mode: 'structured' | 'binary'): CloudEventMessage {
  if (mode === 'structured')
    return { headers: { 'content-type': `${structuredType}; charset=utf-8` }, body: bytesOf(JSON.stringify(event)) };
  const { data, data_base64: base64, datacontenttype, ...attributes } = event;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) headers[`ce-${name}`] = percentEncoded(attributeOf(name, value));
  if (datacontenttype !== undefined) headers['content-type'] = datacontenttype;
  if (base64 !== undefined) return { headers, body: bytesOfBase64(base64) };
  return { headers, body: data === undefined ? new Uint8Array(0) : bytesOf(JSON.stringify(data)) };
}

/**
 * An event out of a request or an answer, in whichever mode it is: read its body whole before, with a bound.
 * @throws LockstepError `invalid` for what is none.
 */
export function fromHttp(headers: Headers, body: Uint8Array): CloudEvent {
  const contentType = headers.get('content-type');
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType === structuredType) return checkedEvent(parsed(body));
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of headers)
    if (name.startsWith('ce-')) attributes[name.slice('ce-'.length)] = percentDecoded(value);
  if (contentType !== null) attributes['datacontenttype'] = contentType;
  if (body.length > 0)
    if (isJson(mediaType)) attributes['data'] = parsed(body);
    else attributes['data_base64'] = base64Of(body);
  return checkedEvent(attributes);
}

const jsonDepthMax = 100;

/** As JSON has it: only what it can say. */
function jsonOf(value: unknown, path: string, depth: number): unknown {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'number' && !Number.isFinite(value)) throw unsaid(path, String(value));
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
  if (typeof value !== 'object' || ArrayBuffer.isView(value) || depth === 0) throw unsaid(path, typeof value);
  if (Array.isArray(value)) return value.map((one: unknown, index) => jsonOf(one, `${path}.${index}`, depth - 1));
  const properties = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(properties.map(([name, one]) => [name, jsonOf(one, `${path}.${name}`, depth - 1)]));
}

const unsaid = (path: string, found: string): LockstepError =>
  new LockstepError('invalid', 'JSON has no word for this data', {
    values: { path, found },
    advice: ["give it as `data: 'value'` to whoever reads our codec, or keep what JSON can say in the event"],
  });

function dataOf({ data, data_base64: base64, datacontenttype = jsonType }: CloudEvent): unknown {
  if (base64 === undefined) return data;
  const bytes = bytesOfBase64(base64);
  return datacontenttype === valueType ? new ValueDecoder().decode(bytes) : bytes;
}

function checkedEvent(value: unknown): CloudEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('this is no CloudEvent', {});
  checkAttributes(value as Readonly<Record<string, unknown>>);
  return value as CloudEvent; // checked: those that it must have, and none of another type
}

/** Section 'REQUIRED Attributes' of the specification, and the types of those that are optional. */
function checkAttributes(event: Readonly<Record<string, unknown>>): void {
  if (event['specversion'] !== '1.0') throw wrong('this is no CloudEvent of version 1.0', { at: 'specversion' });
  for (const name of ['id', 'source', 'type'])
    if (typeof event[name] !== 'string' || event[name] === '')
      throw wrong('a CloudEvent lacks an attribute', { at: name });
  for (const name of ['subject', 'time', 'datacontenttype', 'data_base64'])
    if (event[name] !== undefined && typeof event[name] !== 'string')
      throw wrong('an attribute of a CloudEvent is no text', { at: name });
}

function textOf(event: CloudEvent, name: string): string | null {
  const value = event[name];
  return typeof value === 'string' ? value : null;
}

const wrong = (message: string, values: Readonly<Record<string, string>>): LockstepError =>
  new LockstepError('invalid', message, { values });

const isJson = (mediaType: string): boolean => mediaType === jsonType || mediaType.endsWith('+json');

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch (cause) {
    throw new LockstepError('invalid', 'the body of this CloudEvent is no JSON', { cause });
  }
}

/** The specification's attributes are texts, numbers and booleans. */
function attributeOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw wrong('an attribute of a CloudEvent is no text, number or boolean', { at: name });
}

/** Section 3.1.3.2: what is not printable ASCII, and space, quotation mark and percent sign, as UTF-8 in hexadecimal. */
const percentEncoded = (text: string): string => text.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, encodeURIComponent);

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new LockstepError('invalid', 'a header of this CloudEvent is not percent-encoded UTF-8', { cause });
  }
}

/** What is personal in a machine's events, as its schemas say it. They bring the cipher, which `lockstep/personal` has. */
import { ValueDecoder } from '../bytes/value-decode.ts';
import { ValueEncoder } from '../bytes/value-encode.ts';
import { placeOf } from '../ring/slot.ts';
import type { Schema, Schemas } from './schema.ts';
import { shapesOf } from './versions.ts';

/** Authenticated encryption with random nonces; synchronous, as transactions are. */
export interface Cipher {
  readonly keyBytes: number;
  readonly nonceBytes: number;
  /** `about` is not in what it makes, but must be the same to open it. */
  seal(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, about: Uint8Array): Uint8Array;
  /** Null: it was not made by this key, nonce and `about`. */
  open(key: Uint8Array, nonce: Uint8Array, text: Uint8Array, about: Uint8Array): Uint8Array | null;
}

/** A schema of an event, some fields of which are personal. */
export interface PersonalSchema<In = unknown, Out = In> extends Schema<In, Out> {
  readonly '~personal': { readonly fields: readonly string[]; readonly cipher: Cipher };
}

export interface PersonalCode {
  readonly cipher: Cipher;
  /** Of the newest shape of each event that has some. */
  readonly fieldsOf: ReadonlyMap<string, readonly string[]>;
  /** Events of which some shape, an old one too, has some: what upcasts make of it may be in what they give. */
  readonly mayHold: ReadonlySet<string>;
  /** Whose data an instance has. */
  subjectOf(key: string): string;
  /** Of what is sealed; they keep their buffers. */
  readonly encoder: ValueEncoder;
  readonly decoder: ValueDecoder;
}

/** What a machine's schemas say of personal data. Null: there is none. */
export function personalCode(events: Schemas, subjectOf: (key: string) => string = placeOf): PersonalCode | null {
  let cipher: Cipher | null = null;
  const fieldsOf = new Map<string, readonly string[]>();
  const mayHold = new Set<string>();
  for (const [type, schema] of Object.entries(events)) {
    const shapes = shapesOf(schema).map(personalOf);
    for (const shape of shapes) cipher ??= shape?.cipher ?? null;
    if (shapes.some((shape) => shape !== null)) mayHold.add(type);
    const newest = shapes.at(-1) ?? null;
    if (newest !== null) fieldsOf.set(type, newest.fields);
  }
  if (cipher === null) return null;
  return { cipher, fieldsOf, mayHold, subjectOf, encoder: new ValueEncoder(), decoder: new ValueDecoder() };
}

const personalOf = (schema: Schema): PersonalSchema['~personal'] | null =>
  '~personal' in schema ? (schema as PersonalSchema)['~personal'] : null;

/**
 * The codecs that everything stored passes through, against what a project would otherwise take. Every side of a
 * value row is checked before it is measured: what it decodes must equal what it encoded.
 */
import { Encoder as CborEncoder } from 'cbor-x';
import { Packr } from 'msgpackr';
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { ByteWriter } from '../src/bytes/byte-writer.ts';
import { compareBytes } from '../src/bytes/compare.ts';
import { crc32c } from '../src/bytes/crc32c.ts';
import { FrameReader, FrameWriter } from '../src/bytes/frame.ts';
import { hash128 } from '../src/bytes/hash.ts';
import { decodeTuple } from '../src/bytes/tuple-decode.ts';
import { encodeTuple, type KeyPart, writeTuple } from '../src/bytes/tuple.ts';
import { ValueDecoder } from '../src/bytes/value-decode.ts';
import { ValueEncoder } from '../src/bytes/value-encode.ts';
import type { Row, Side, Suite } from './harness.ts';

export const suite: Suite = {
  about:
    "Tuple keys, byte order, frames, checksums and the codec of users' values, against msgpackr, cbor-x, JSON text and " +
    'Buffer. The others keep less: no order of keys, no refusal with a path, no bounds. "shared" sides keep property ' +
    'names outside the bytes, so that one value alone cannot be read.',
  rows: ({ quick }) => [
    ...tupleRows(quick ? 50 : 100_000),
    ...compareRows(quick ? 50 : 1_000_000),
    frameRow(quick ? 20 : 50_000),
    ...checksumRows(quick),
    ...Object.keys(cases).flatMap((name) => valueRows(name as CaseName, quick)),
  ],
};

interface Codec {
  readonly name: string;
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

const msgpackr = (name: string, options: object): Codec => {
  const packr = new Packr({ copyBuffers: true, ...options });
  return { name, encode: (value) => packr.pack(value), decode: (bytes): unknown => packr.unpack(bytes) };
};

const cborX = (name: string, options: object): Codec => {
  const encoder = new CborEncoder({ copyBuffers: true, ...options });
  return { name, encode: (value) => encoder.encode(value), decode: (bytes): unknown => encoder.decode(bytes) };
};

function ours(): Codec {
  const [encoder, decoder] = [new ValueEncoder(), new ValueDecoder()];
  return { name: 'ours', encode: (value) => encoder.encode(value), decode: (bytes) => decoder.decode(bytes) };
}

function json(name: string, replacer?: typeof toTagged, reviver?: typeof ofTagged): Codec {
  const [toBytes, toText] = [new TextEncoder(), new TextDecoder()];
  return {
    name,
    encode: (value) => toBytes.encode(JSON.stringify(value, replacer)),
    decode: (bytes): unknown => JSON.parse(toText.decode(bytes), reviver),
  };
}

/** JSON for what it lacks: an object of one property whose name says what the text in it is. */
function toTagged(this: unknown, key: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[key]; // before toJSON
  if (raw instanceof Date) return { $date: raw.toISOString() };
  if (raw instanceof Uint8Array) return { $bytes: Buffer.from(raw).toString('base64') };
  return value;
}

function ofTagged(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$date' in value) return new Date(value.$date as string);
  if ('$bytes' in value) return new Uint8Array(Buffer.from(value.$bytes as string, 'base64'));
  return value;
}

const codecs: readonly (() => Codec)[] = [
  ours,
  () => msgpackr('msgpackr', { useRecords: false }),
  () => msgpackr('msgpackr records', { useRecords: true }),
  () => msgpackr('msgpackr shared', { structures: [] }),
  () => cborX('cbor-x', { useRecords: false }),
  () => cborX('cbor-x shared', { structures: [] }),
  () => json('JSON'),
  () => json('JSON tagged', toTagged, ofTagged),
];

const places = ['Zürich', 'Łódź', 'Basel', 'Genève'];
const cases = {
  'small event': (index: number) => ({ amount: 100 + (index % 1_000) }),
  'order of 15 fields': (index: number) => ({
    id: `order-${index}`,
    customer: `customer-${index % 97}`,
    status: ['placed', 'paid', 'shipped'][index % 3],
    total: 1_999 + index,
    currency: 'EUR',
    placedAt: new Date(1_760_000_000_000 + index * 1_000),
    paid: index % 2 === 0,
    note: null,
    city: places[index % 4],
    street: `Bahnhofstrasse ${index % 200}`,
    items: (index % 9) + 1,
    discount: 0.15,
    weight: 12.5 + index,
    express: false,
    version: 3,
  }),
  'list of 100 rows': (index: number) =>
    Array.from({ length: 100 }, (_, row) => ({
      id: index * 100 + row,
      name: `row ${row}`,
      price: row * 1.25,
      active: row % 2 === 0,
      tag: 'abc',
    })),
  'text, not ASCII': (index: number) => ({
    title: `Größe und Überraschung ${index}`,
    body: '日本語のテキストと絵文字😀 '.repeat(6),
    name: 'Łukasz Żółć',
  }),
  'bytes, 1 kB': (index: number) => ({ id: index, raw: new Uint8Array(1_000).fill(index) }),
  'nested 20 deep': (index: number) => {
    let value: unknown = { leaf: index };
    for (let depth = 0; depth < 20; depth++) value = { next: value, depth };
    return value;
  },
} satisfies Record<string, (index: number) => unknown>;
type CaseName = keyof typeof cases;

const operationsOf: Record<CaseName, number> = {
  'small event': 200_000,
  'order of 15 fields': 30_000,
  'list of 100 rows': 1_500,
  'text, not ASCII': 30_000,
  'bytes, 1 kB': 50_000,
  'nested 20 deep': 15_000,
};

/** Another hundred values after another, so that no branch learns one by heart. */
const distinct = 100;
const valuesOf = (name: CaseName, count: number): unknown[] =>
  Array.from({ length: count }, (_, index) => cases[name](index));

function valueRows(name: CaseName, quick: boolean): Row[] {
  const operations = quick ? 5 : operationsOf[name];
  const values = valuesOf(name, quick ? 5 : distinct);
  const able = codecs.filter((make) => keepsAll(make(), values));
  const encodeSides = able.map((make): Side => {
    return { name: make().name, prepare: (count) => encodeRun(make(), values, count) };
  });
  const decodeSides = able.map((make): Side => {
    return { name: make().name, prepare: (count) => decodeRun(make(), values, count) };
  });
  const intoWriter: Side = { name: 'ours, into a writer', prepare: (count) => writeRun(values, count) };
  return [
    { name: `encode: ${name}`, unit: 'value', operations, reference: 'ours', sides: [...encodeSides, intoWriter] },
    { name: `decode: ${name}`, unit: 'value', operations, reference: 'ours', sides: decodeSides },
  ];
}

/** The round trip that makes a side comparable; bare JSON fails it where there are dates or bytes, and is left out. */
function keepsAll(codec: Codec, values: readonly unknown[]): boolean {
  const same = values.every((value) => isDeepStrictEqual(withoutBuffers(codec.decode(codec.encode(value))), value));
  if (!same && codec.name !== 'JSON') throw new Error(`${codec.name} does not read back what it wrote`);
  return same;
}

/** msgpackr and cbor-x give bytes as Buffer: the same bytes. */
function withoutBuffers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('raw' in value)) return value;
  return { ...value, raw: new Uint8Array(value.raw as Uint8Array) };
}

function encodeRun(codec: Codec, values: readonly unknown[], count: number): () => object & { checksum: number } {
  return () => {
    let bytes = 0;
    for (let index = 0; index < count; index++) bytes += codec.encode(values[index % values.length]).length;
    return { checksum: bytes, facts: { bytes: Math.round(bytes / count) } };
  };
}

function writeRun(values: readonly unknown[], count: number): () => number {
  const [encoder, writer] = [new ValueEncoder(), new ByteWriter(64 * 1024 * 1024)];
  return () => {
    let bytes = 0;
    for (let index = 0; index < count; index++) {
      if (writer.length > 65_536) writer.clear();
      const start = writer.length;
      encoder.write(writer, values[index % values.length]);
      bytes += writer.length - start;
    }
    return bytes;
  };
}

function decodeRun(codec: Codec, values: readonly unknown[], count: number): () => number {
  const encoded = values.map((value) => new Uint8Array(codec.encode(value)));
  return () => {
    let objects = 0;
    for (let index = 0; index < count; index++) {
      if (typeof codec.decode(encoded[index % encoded.length] as Uint8Array) === 'object') objects++;
    }
    return objects;
  };
}

const keys = (count: number): KeyPart[][] =>
  Array.from({ length: count }, (_, index) => ['orders', `tenant-${index % 50}`, index]);

function tupleRows(operations: number): Row[] {
  const [text, cbor, packr] = [
    json('JSON'),
    cborX('cbor-x', { useRecords: false }),
    msgpackr('msgpackr', { useRecords: false }),
  ];
  const tuples = keys(distinct);
  const writer = new ByteWriter(1_000_000);
  const own: Codec = {
    name: 'ours',
    encode: (tuple) => encodeTuple(tuple as KeyPart[]),
    decode: (bytes) => decodeTuple(bytes),
  };
  const into: Codec = {
    ...own,
    name: 'ours, into a writer',
    encode: (tuple) => {
      writer.clear();
      writeTuple(writer, tuple as KeyPart[]);
      return writer.view();
    },
  };
  const sides = [own, into, text, cbor, packr];
  const row = (name: string, chosen: readonly Codec[], run: typeof encodeRun | typeof decodeRun): Row => ({
    name,
    unit: 'key',
    operations,
    reference: 'ours',
    sides: chosen.map((codec) => ({ name: codec.name, prepare: (count) => run(codec, tuples, count) })),
  });
  return [
    row('encode a key: two strings, a number', sides, encodeRun),
    row('decode a key: two strings, a number', [own, text, cbor, packr], decodeRun),
  ];
}

function compareRows(operations: number): Row[] {
  const row = (name: string, pairs: readonly Uint8Array[]): Row => {
    const run = (compare: (a: Uint8Array, b: Uint8Array) => number) => (count: number) => () => {
      let sum = 0;
      for (let index = 0; index < count; index++) {
        const [a, b] = [pairs[index % distinct], pairs[(index * 7 + 1) % distinct]];
        sum += Math.sign(compare(a as Uint8Array, b as Uint8Array)) + 1;
      }
      return sum;
    };
    const buffer = run((a, b) => Buffer.compare(a, b));
    const sides = [
      { name: 'compareBytes', prepare: run(compareBytes) },
      { name: 'Buffer.compare', prepare: buffer },
    ];
    return { name, unit: 'pair', operations, reference: 'compareBytes', checksums: 'equal', sides };
  };
  const short = keys(distinct).map((tuple) => encodeTuple(tuple));
  const long = short.map((key) => Uint8Array.of(...new Uint8Array(200), ...key));
  return [row('compare keys of 22 bytes', short), row('compare keys that differ after 200 bytes', long)];
}

function frameRow(operations: number): Row {
  const payload = Uint8Array.from({ length: 256 }, (_, index) => index);
  const limits = { payloadBytesMax: 1_000_000 };
  const framed = (count: number) => () => {
    const writer = new FrameWriter({ ...limits, bytesMax: 1_000_000_000 });
    for (let index = 0; index < count; index++) writer.append(payload);
    const [stream, reader] = [writer.view(), new FrameReader(limits)];
    let bytes = 0;
    for (let at = 0; at < stream.length; at += 65_536) {
      reader.push(stream.subarray(at, at + 65_536));
      for (let next = reader.next(); next !== null; next = reader.next()) bytes += next.length;
    }
    return bytes;
  };
  return {
    name: 'write a frame of 256 bytes, and read it out of chunks of 64 KiB',
    unit: 'frame',
    operations,
    reference: 'ours',
    checksums: 'equal',
    sides: [
      { name: 'ours', prepare: framed },
      { name: 'Buffer, length and zlib.crc32', prepare: (count) => () => bufferFrames(payload, count) },
    ],
  };
}

/** What one writes by hand on Node: a length and one checksum before the payload, chunks joined by Buffer.concat. */
function bufferFrames(payload: Uint8Array, count: number): number {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const header = Buffer.allocUnsafe(8);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt32LE(crc32(payload), 4);
    parts.push(header, payload);
  }
  const stream = Buffer.concat(parts);
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  for (let at = 0; at < stream.length; at += 65_536) {
    const chunk = Buffer.concat([rest, stream.subarray(at, at + 65_536)]);
    let place = 0;
    while (chunk.length - place >= 8) {
      const end = place + 8 + chunk.readUInt32LE(place);
      if (end > chunk.length) break;
      if (crc32(chunk.subarray(place + 8, end)) !== chunk.readUInt32LE(place + 4)) throw new Error('damaged');
      bytes += end - place - 8;
      place = end;
    }
    rest = chunk.subarray(place);
  }
  return bytes;
}

function checksumRows(quick: boolean): Row[] {
  const words = new Uint32Array(4);
  const hashed = (bytes: Uint8Array): number => {
    hash128(words, bytes);
    return words[0] as number;
  };
  const sums = { crc32c, 'zlib.crc32 (native)': (bytes: Uint8Array) => crc32(bytes), hash128: hashed };
  return [32, 256, 4_096, 65_536].map((length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => index * 7);
    const sides = Object.entries(sums).map(([name, sum]): Side => {
      const run = (count: number) => () => {
        let total = 0;
        for (let index = 0; index < count; index++) total = (total + sum(bytes)) % 4_294_967_296;
        return total;
      };
      return { name, prepare: run };
    });
    const operations = quick ? 10 : Math.round(100_000_000 / (length + 40));
    return { name: `checksum of ${length} bytes`, unit: 'array', operations, reference: 'crc32c', sides };
  });
}

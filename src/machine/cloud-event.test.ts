/** CloudEvents: events round as JSON, and over HTTP in both modes; what is no CloudEvent, and what JSON cannot say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Token } from '../partition/transaction.ts';
import { fromCloudEvent, fromHttp, toCloudEvent, toHttp, type CloudEvent } from './cloud-event.ts';
import type { Recorded } from './connection.ts';
import type { AnyMachine } from './definition.ts';

const token = '0000000000000000.1.1' as Token;
const metadata = { version: 12, token, id: 'order/acme/ü 1@12', at: new Date('2026-11-23T01:02:03.004Z') };
const why = { actor: 'ann "%" é', commandId: 'c-1', correlationId: 'k-1', causationId: null, trace: null };

const recorded = (data: unknown, more: Partial<Recorded<AnyMachine>> = {}): Recorded<AnyMachine> => ({
  ...{ machine: 'order', type: 'Placed', key: 'acme/ü 1', place: 'acme', data },
  ...{ ...metadata, ...why, ...more },
});
const source = 'https://example.com/shop';

test('an event has the attributes that the specification asks for, and its metadata as extensions', () => {
  expect(toCloudEvent(recorded({ total: 3 }, { causationId: 'e-1' }), { source })).toEqual({
    specversion: '1.0',
    id: 'order/acme/ü 1@12',
    source,
    type: 'order.Placed',
    subject: 'acme/ü 1',
    time: '2026-11-23T01:02:03.004Z',
    datacontenttype: 'application/json',
    sequence: '0000000000000012',
    partitionkey: 'acme',
    actor: 'ann "%" é',
    commandid: 'c-1',
    correlationid: 'k-1',
    causationid: 'e-1',
    data: { total: 3 },
  });
  for (const name of Object.keys(toCloudEvent(recorded(1), { source }))) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
});

test.each(['structured', 'binary'] as const)('over HTTP in the %s mode it arrives as it was', (mode) => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme', minLength: 1 }), (data, key) => {
      fc.pre(key.isWellFormed());
      const event = recorded(data, { key, trace });
      const { headers, body } = toHttp(toCloudEvent(event, { source }), mode);
      const { token: _token, place: _place, ...rest } = event;
      // JSON has one zero.
      expect(fromCloudEvent(fromHttp(new Headers(headers), body))).toEqual({
        ...rest,
        data: JSON.parse(JSON.stringify(data)) as unknown,
        source,
      });
    }),
    { numRuns: 50 },
  );
});

test.each(['structured', 'binary'] as const)(
  'as a value in the %s mode all types survive; none has no data',
  (mode) => {
    const data = { at: new Date(5), count: 12n, bytes: Uint8Array.of(0, 255), list: [null, true, -0.5] };
    for (const one of [data, undefined]) {
      const { headers, body } = toHttp(toCloudEvent(recorded(one), { source, data: 'value' }), mode);
      expect(fromCloudEvent(fromHttp(new Headers(headers), body)).data).toEqual(one);
    }
  },
);

test('what JSON has no word for is refused with its path, and a date is a text', () => {
  const as = (data: unknown): unknown => toCloudEvent(recorded(data), { source }).data;
  expect(as({ at: new Date(0), none: undefined })).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  for (const [value, path] of [
    [{ a: [1n] }, 'data.a.0'],
    [{ bytes: Uint8Array.of(1) }, 'data.bytes'],
    [Number.NaN, 'data'],
  ] as const)
    expect(() => as(value)).toThrow(path);
});

test('what is no CloudEvent of version 1.0, or of no machine, is refused', () => {
  const good = toCloudEvent(recorded(1), { source });
  const bad: unknown[] = [
    { ...good, specversion: '0.3' },
    { ...good, id: '' },
    { ...good, subject: 7 },
    { ...good, time: 'x' },
  ];
  for (const one of [...bad, { ...good, type: 'Placed' }, { ...good, sequence: 'x' }])
    expect(() => fromCloudEvent(one as CloudEvent), JSON.stringify(one)).toThrow(
      /CloudEvent|event of a machine|version/,
    );
  const json = new Headers({ 'content-type': 'application/cloudevents+json' });
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const text of ['', '[]', 'null', '{"specversion":"1.0"}'])
    expect(() => fromHttp(json, bytes(text)), text).toThrow(/CloudEvent/);
  expect(() => fromHttp(new Headers({ 'ce-id': '%ff' }), bytes(''))).toThrow('percent-encoded');
  expect(() => fromHttp(new Headers(), bytes('{}'))).toThrow('1.0');
});

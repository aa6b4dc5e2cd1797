/** All of a node over HTTP: who is let in, what it tells, and that it withstands whatever its own document allows. */
import fc from 'fast-check';
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { unchecked, type Schema } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Handler } from './exchange.ts';
import { nodeHandler } from './node-handler.ts';
import { isSecret } from './bearer.ts';
import { parsePosition } from './position.ts';
import { openMetricsOf } from './open-metrics.ts';

const shape = { type: 'object', properties: { cups: { type: 'integer' } } };
const shaped: Schema<{ cups: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'object' && value !== null && 'cups' in value && Number.isInteger(value.cups)
        ? { value: { cups: Number(value.cups) } }
        : { issues: [{ message: 'Expected cups' }] },
    jsonSchema: { input: () => shape, output: () => shape },
  },
};
const pot = machine({
  name: 'pot',
  initial: () => ({ cups: 0 }),
  commands: { Pour: shaped, Break: unchecked<string>() },
  events: { Poured: shaped },
  decide: { Pour: (_state, data, { event }) => [event('Poured', data)], Break: () => [] },
  evolve: { Poured: (state, { cups }) => ({ cups: state.cups + cups }) },
});

const bearer = 'sixteen-characters-and-more';
const metrics = new Metrics();
let node: LockstepNode;
let handle: Handler;

beforeAll(async () => {
  node = await openInMemory(defineApp({ name: 'tea', parts: [pot] }));
  handle = nodeHandler(node, { bearer, metrics, limits: { answerMsMax: 1_000 } });
});
afterAll(() => node.close());

const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${bearer}`);
  return handle(new Request(`http://tea.test${path}`, { ...init, headers }));
};
const json = async (path: string): Promise<unknown> => (await ask(path)).json();

describe('a node tells', () => {
  test('whether it lives and leads to everybody, all else to who bears the secret', async () => {
    const open = async (path: string) => (await handle(new Request(`http://tea.test${path}`))).status;
    expect([await open('/healthz'), await open('/readyz'), await open('/waits'), await open('/')]).toEqual([
      200, 200, 401, 401,
    ]);
    expect(() => nodeHandler(node, { bearer: 'short' })).toThrow('guessed');
    expect([isSecret(bearer, bearer), isSecret(`${bearer}x`, bearer), isSecret('', bearer)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('its parts, partitions, projections, dead letters and waits', async () => {
    expect(await json('/definitions')).toMatchObject({ app: 'tea', parts: [{ kind: 'machine', name: 'pot' }] });
    expect(await json('/partitions')).toMatchObject([{ index: 0, kind: 'leading', failure: null }]);
    expect([await json('/projections'), await json('/dead-letters'), await json('/waits?key=x')]).toEqual([[], [], []]);
    expect((await ask('/partitions', { method: 'POST' })).status).toBe(405);
  });

  test('its metrics as OpenMetrics: counts of buckets add up', async () => {
    metrics
      .counters({ name: 'pours', help: 'cups "poured"\n', labels: ['who'] })
      .of({ who: 'a"b\\' })
      .add(3);
    const times = metrics.histogram({ name: 'pour_ms', help: 'how long' });
    for (const ms of [1, 1, 2]) times.record(ms);
    const response = await ask('/metrics');
    expect(response.headers.get('content-type')).toContain('application/openmetrics-text');
    const lines = (await response.text()).split('\n');
    expect(lines).toContain('pours_total{who="a\\"b\\\\"} 3');
    expect(lines).toContain('# HELP pours cups \\"poured\\"\\n');
    expect(lines.filter((line) => line.startsWith('pour_ms_')).map((line) => line.split(' ').at(-1))).toEqual([
      '2',
      '3',
      '3',
      '3',
      '4',
    ]);
    expect(openMetricsOf([])).toBe('# EOF\n');
  });

  test('what it takes as OpenAPI and what comes of it as AsyncAPI, in the shapes that schemas say', async () => {
    const api = (await json('/openapi.json')) as ApiDocument;
    expect(api).toMatchObject({ openapi: '3.1.0', info: { title: 'tea' } });
    const pour = api.paths['/machines/pot/commands/Pour']?.['post'];
    expect(pour?.requestBody?.content['application/json']?.schema).toEqual(shape);
    expect(await json('/asyncapi.json')).toMatchObject({
      asyncapi: '3.0.0',
      channels: { pot: { messages: { Poured: { payload: shape } } } },
    });
  });
});

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: 'query' | 'header' }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
}

/** What a caller may make of a request that the document describes; every field may be as it should be, or not. */
const calls = (
  operations: readonly { readonly path: string; readonly method: string; readonly operation: Operation }[],
) =>
  fc.record({
    of: fc.constantFrom(...operations),
    method: fc.oneof(
      { weight: 3, arbitrary: fc.constant(null) },
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD'),
    ),
    path: fc.oneof(
      { weight: 4, arbitrary: fc.constant('') },
      fc.constantFrom('/', '/..', '/%2e%2e/', '%00', '%2f', '//', '/x'.repeat(2_000), '%ff', ';a=b'),
    ),
    texts: fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('a', '1', '5s', '"1"')), {
      minLength: 8,
      maxLength: 8,
    }),
    given: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    type: fc.constantFrom('application/json', 'application/vnd.lockstep.value', 'text/plain', ''),
    accept: fc.constantFrom('*/*', 'application/vnd.lockstep.value', 'text/html'),
    body: fc.oneof(fc.json(), fc.uint8Array({ maxLength: 60 }), fc.string(), fc.constant('{"cups":1}')),
  });

test('whatever becomes of a request that its document allows, it is answered, or refused with its reason', async () => {
  const { paths } = (await json('/openapi.json')) as ApiDocument;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const property = fc.asyncProperty(calls(operations), async ({ of, given, texts, ...asked }) => {
    const chosen = of.operation.parameters.map((parameter, at) => ({ ...parameter, text: texts[at % 8] ?? '', at }));
    const used = chosen.filter(({ at, name }) => given[at % 8] === true && name !== 'wait');
    const placed = (place: 'query' | 'header'): [string, string][] =>
      used.filter((one) => one.in === place).map(({ name, text }) => [name, text.toWellFormed()]);
    const query = new URLSearchParams([...placed('query'), ['wait', '1ms']]);
    const headers = new Headers(placed('header').map(([name, text]) => [name, encodeURIComponent(text)]));
    headers.set('accept', asked.accept);
    if (asked.type !== '') headers.set('content-type', asked.type);
    const method = asked.method ?? of.method.toUpperCase();
    const body = method === 'GET' || method === 'HEAD' ? null : asked.body;
    const response = await ask(`${of.path}${asked.path}?${query.toString()}`, { method, headers, body });
    const text = await response.text();
    expect(response.status).toBeLessThan(500);
    if (response.status < 400 || response.headers.get('content-type') !== 'application/problem+json')
      expect([200, 304, 409, 410, 412, 422]).toContain(response.status); // outcomes are no problems
    else expect(JSON.parse(text)).toMatchObject({ status: response.status, happened: 'no' });
  });
  await fc.assert(property, { numRuns: 200, seed: 9 });
  expect((await ask('/machines/pot/state?key=a')).status).toBe(200);
});

test('any text is a position or is refused as one', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parsePosition(text).after).not.toBe('');
      } catch (error) {
        expect(error).toMatchObject({ kind: 'invalid' });
      }
    }),
  );
});

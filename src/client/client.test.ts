/** Clients over a network that loses answers and cuts streams, with the real handlers behind it and a node in memory. */
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { reject } from '../machine/rejection.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { commandId } from '../partition/command-id.ts';
import { expose } from '../server/api.ts';
import { nodeHandler } from '../server/node-handler.ts';
import type { Handler } from '../server/exchange.ts';
import { createClient } from './client.ts';
import { connect } from './connect.ts';

const order = machine({
  name: 'order',
  initial: () => ({ lines: 0 }),
  commands: { Add: unchecked<number>(), Cancel: unchecked<{ why: string }>(), Pay: nothing },
  events: { Added: unchecked<{ count: number; at: Date }>(), Counted: unchecked<bigint>(), Paid: nothing },
  decide: {
    Add: ({ lines }, count, { event, now }) => [
      event('Added', { count, at: now }),
      event('Counted', BigInt(lines + count)),
    ],
    Cancel: ({ lines }) => reject('too-late', { lines }),
    Pay: (_state, _data, { event }) => [event('Paid')],
  },
  evolve: {
    Added: ({ lines }, { count }) => ({ lines: lines + count }),
    Counted: (state) => state,
    Paid: (state) => state,
  },
});
const sizes = projection({
  name: 'sizes',
  from: { order },
  row: unchecked<{ lines: number }>(),
  on: { order: { Added: ({ key, data }, rows) => rows.set(key, { lines: data.count }) } },
});
const unlucky = 13;
const counts = projection({
  name: 'counts',
  from: { order },
  row: unchecked<{ count: number }>(),
  on: {
    order: {
      Added: ({ key, data: { count } }, rows) => {
        if (count === unlucky) throw new Error('a count that brings no luck');
        rows.set(key, { count });
      },
    },
  },
});
const kind = query({
  name: 'kind',
  input: unchecked<string | null | undefined>(),
  reads: { sizes },
  at: () => 'x',
  run: (_tables, input) => (input === null ? 'null' : typeof input),
});
const size = query({
  name: 'size',
  input: unchecked<string>(),
  reads: { sizes },
  at: (key) => key,
  run: (tables, key) => tables.sizes.get(key)?.lines ?? 0,
});
const api = expose([allow(order, { send: ['Add', 'Cancel'], read: true }), size], async ({ headers }) => {
  const actor = headers.get('x-who');
  return actor === null ? null : { actor };
});

let node: LockstepNode;
let exposed: Handler;
let trusted: Handler;
const bearer = 'sixteen-characters-and-more';

beforeAll(async () => {
  node = await openInMemory(defineApp({ name: 'shop', parts: [order, sizes, counts, size, kind] }));
  exposed = api.handler(node);
  trusted = nodeHandler(node, { bearer });
});
afterAll(() => node.close());

type Network = (request: Request, handler: Handler, count: number) => Promise<Response>;
const clear: Network = (request, handler) => handler(request);

function overNetwork(handler: Handler, network: Network) {
  let count = 0;
  return (url: string | URL | Request, init?: RequestInit) => network(new Request(url, init), handler, count++);
}
const clientOver = (network: Network = clear) =>
  createClient<typeof api>('http://shop.test/', {
    fetch: overNetwork(exposed, network),
    headers: () => ({ 'x-who': 'ann' }),
  });

describe('a client of what is exposed', () => {
  test('sends, reads, asks and follows by names', async () => {
    const client = clientOver();
    const added = await client.send('order', 'o-1', 'Add', 2);
    if (added.kind !== 'committed') throw new Error('Add never rejects');
    const refused = await client.send('order', 'o-1', 'Cancel', { why: 'dear' });
    expect(refused).toEqual({ kind: 'rejected', code: 'too-late', details: { lines: 2 } });
    expect(await client.read('order', 'o-1', { after: added.token })).toMatchObject({
      state: { lines: 2 },
      version: 2,
    });
    expect((await client.query('size', 'o-1', { after: added.token })).value).toBe(2);
    const seen = await first(2, client.events('order', { key: 'o-1' }));
    expect(seen.map(({ data, actor }) => [data, actor])).toEqual([
      [{ count: 2, at: expect.any(Date) }, 'ann'],
      [2n, 'ann'],
    ]);
    expect(await client.send('order', 'o-1', 'Add', 2, { expectedVersion: 9 })).toMatchObject({ kind: 'conflict' });
    expect(await client.send('order', 'o-1', 'Add', 2, { commandId: commandId(new Date(0), 'old') })).toEqual({
      kind: 'expired',
    });
  });

  test('what is not exposed does not compile, and is refused', async () => {
    const client = clientOver();
    // @ts-expect-error Pay is not exposed
    const sent = client.send('order', 'o-1', 'Pay');
    await expect(sent).rejects.toMatchObject({ kind: 'misuse', values: { status: 404 } });
    // @ts-expect-error no such machine
    await expect(client.read('nobody', 'o-1')).rejects.toMatchObject({ kind: 'misuse' });
    // @ts-expect-error the data is of another type
    await client.send('order', 'typed', 'Cancel', 7);
    // @ts-expect-error who sends may not say who asks
    await client.send('order', 'typed', 'Add', 1, { actor: 'root' });
    expect((await first(1, client.events('order', { key: 'typed' })))[0]?.actor).toBe('ann');
    // @ts-expect-error a query has its own input
    await expect(client.query('size', 7)).rejects.toMatchObject({ kind: 'invalid' });
  });

  test('a command whose answer is lost is sent again with its id, and runs once', async () => {
    const client = clientOver(async (request, handler, count) => {
      const response = await handler(request);
      if (count < 3) throw new TypeError('connection reset');
      return response;
    });
    expect(await client.send('order', 'lost', 'Add', 3)).toMatchObject({ repeated: true });
    expect((await node.read(order, 'lost')).state.lines).toBe(3);
  });

  test('at the deadline it says that it may have happened, and with which id', async () => {
    const client = clientOver(() => Promise.reject(new TypeError('no route')));
    const sent = client.send('order', 'far', 'Add', 3, { deadline: '30ms' });
    await expect(sent).rejects.toMatchObject({ kind: 'unknown', values: { commandId: expect.any(String) } });
  });

  test('what fails on the server is told at once, and not sent again', async () => {
    let count = 0;
    const client = clientOver(async () => {
      count++;
      const headers = { 'content-type': 'application/problem+json' };
      return new Response(JSON.stringify({ kind: 'unknown', detail: 'failed' }), { status: 500, headers });
    });
    await expect(client.send('order', 'far', 'Add', 3)).rejects.toMatchObject({ kind: 'unknown', summary: 'failed' });
    expect(count).toBe(1);
  });

  test('an aborted signal ends it with its reason', async () => {
    const stop = new AbortController();
    const client = clientOver(() => new Promise(() => {}));
    const sent = client.send('order', 'far', 'Add', 3, { signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(sent).rejects.toBe(reason);
  });

  test('a page of a proxy is no answer', async () => {
    const client = clientOver(async () => new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(client.send('order', 'far', 'Add', 3, { deadline: '30ms' })).rejects.toMatchObject({
      kind: 'unknown',
    });
  });

  test('a stream that is cut anywhere goes on where it was, without gap or repeat', async () => {
    for (let count = 1; count <= 6; count++) await node.send(order, 'cut', 'Add', count);
    const client = clientOver(async (request, handler, count) => cutAfter(await handler(request), 300 + 157 * count));
    const seen = await first(12, client.events('order', { key: 'cut' }));
    expect(seen.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe('a connection to a node', () => {
  const connected = (secret: string = bearer) =>
    connect('http://shop.test', { bearer: secret, fetch: overNetwork(trusted, clear) });

  test('has the verbs of a node with the definitions, and says who asks and why', async () => {
    const shop = connected();
    const causedBy = { id: 'mail/1@1', correlationId: 'case-7', trace: null };
    const paid = await shop.send(order, 'o-2', 'Pay', undefined, { actor: 'zoë', causedBy });
    expect((await shop.read(order, 'o-2', { after: paid.token })).version).toBe(1);
    const [event] = await first(1, shop.events(order, { key: 'o-2' }));
    expect(event).toMatchObject({ type: 'Paid', actor: 'zoë', correlationId: 'case-7' });
    expect((await shop.query(size, 'o-2')).value).toBe(0);
    const kinds = await Promise.all([undefined, null, 'x'].map(async (input) => (await shop.query(kind, input)).value));
    expect(kinds).toEqual(['undefined', 'null', 'string']);
    const answers = shop.watch(size, 'o-2')[Symbol.asyncIterator]();
    expect((await answers.next()).value).toMatchObject({ value: 0 });
    await shop.send(order, 'o-2', 'Add', 4);
    expect((await answers.next()).value).toMatchObject({ value: 4 });
    await answers.return?.();
    expect(await shop.explain({ key: 'o-2' })).toEqual([]);
  });

  test('has messages that were put aside tried again, and dropped', async () => {
    const shop = connected();
    await node.transact('o-3', (tx) => tx.send(order, 'o-4', 'Cancel', { why: 'dear' }));
    await expect.poll(async () => (await shop.deadLetters()).length).toBe(1);
    const [letter] = await shop.deadLetters();
    if (letter === undefined) throw new Error('it was there');
    expect(letter).toMatchObject({ partition: 0, to: 'o-4', why: expect.stringContaining('too-late') });
    expect(await shop.retryDeadLetter(letter)).toMatchObject({ kind: 'rejected', code: 'too-late' });
    expect(await shop.discardDeadLetter(letter)).toEqual({ kind: 'done' });
    expect(await shop.discardDeadLetter(letter)).toMatchObject({ kind: 'rejected', code: 'no-such-letter' });
    expect(await shop.deadLetters()).toEqual([]);
  });

  test('has a projection that stopped try again, or go on without the event', async () => {
    const shop = connected();
    const kindOf = async () => (await shop.projections()).find(({ name }) => name === 'counts')?.kind;
    await shop.send(order, 'o-5', 'Add', unlucky);
    await expect.poll(kindOf).toBe('stopped');
    expect(await shop.retryProjection('counts')).toEqual([0]);
    await expect.poll(kindOf).toBe('stopped');
    expect(await shop.skipProjectionEvent('counts')).toEqual([0]);
    await expect.poll(kindOf).toBe('live');
    await expect(shop.retryProjection('nobody')).rejects.toMatchObject({ kind: 'misuse' });
  });

  test('has what is over packed', async () => {
    const shop = connected();
    for (const count of [1, 2, 3]) await shop.send(order, 'o-6', 'Add', count);
    expect(await shop.archive(order, 'o-6')).toBe(6);
    expect(await shop.archive(order, 'o-6')).toBe(0);
    expect((await first(6, shop.events(order, { key: 'o-6' }))).at(-1)).toMatchObject({ version: 6, data: 6n });
  });

  test('is told what is there when it asks for what is not, and nothing with another secret', async () => {
    const other = machine({ name: 'other', initial: () => ({}), commands: {}, events: {}, decide: {}, evolve: {} });
    await expect(connected().read(other, 'a')).rejects.toThrow('there are: order, size');
    await expect(connected('another-secret-of-that-length').read(order, 'a')).rejects.toMatchObject({
      kind: 'misuse',
      values: { status: 401 },
    });
  });
});

async function first<T>(count: number, items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

/** The answer, broken off after so many bytes. */
function cutAfter(response: Response, bytesMax: number): Response {
  let count = 0;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, bytesMax - count));
      count += chunk.length;
      if (count >= bytesMax) controller.error(new TypeError('connection reset'));
    },
  });
  return new Response(response.body?.pipeThrough(cut), response);
}

/** The handler of what is exposed, without a socket: a `Request` in, a `Response` out, over a node in memory. */
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { reject } from '../machine/rejection.ts';
import type { CommandMiddleware } from '../machine/router.ts';
import { nothing, unchecked, type Schema } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { commandId } from '../partition/command-id.ts';
import { expose } from './api.ts';
import type { Handler } from './exchange.ts';
import { decodeBody, encodeBody, valueType } from './wire.ts';

const amount: Schema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'Expected a number', path: ['amount'] }] },
  },
};

const account = machine({
  name: 'account',
  initial: () => ({ balance: 0, at: null as Date | null }),
  commands: { Deposit: amount, Withdraw: amount, Close: nothing, Break: nothing },
  events: {
    Deposited: unchecked<{ amount: number; at: Date; proof: Uint8Array; big: bigint }>(),
    Noted: unchecked<string>(),
  },
  decide: {
    Deposit: (_state, data, { event, actor, now }) => [
      event('Deposited', { amount: data, at: now, proof: Uint8Array.of(1, 2), big: 2n ** 70n }),
      event('Noted', actor),
    ],
    Withdraw: (state, data) => reject('insufficient-funds', { missing: data - state.balance }),
    Close: () => [],
    Break: () => {
      throw new Error('a secret of the server');
    },
  },
  evolve: {
    Deposited: (state, data) => ({ balance: state.balance + data.amount, at: data.at }),
    Noted: (state) => state,
  },
});

const balances = projection({
  name: 'balances',
  from: { account },
  row: unchecked<{ balance: number }>(),
  on: { account: { Deposited: ({ key, data }, rows) => rows.set(key, { balance: data.amount }) } },
});
const balance = query({
  name: 'balance',
  input: unchecked<{ key: string }>(),
  reads: { balances },
  at: ({ key }) => key,
  run: (tables, { key }) => tables.balances.get(key) ?? null,
});

const app = defineApp({ name: 'bank', parts: [account, balances, balance] });
const api = expose(
  [allow(account, { send: ['Deposit', 'Withdraw', 'Break'], read: true }), balance],
  async (request, action) => {
    const who = request.headers.get('x-who');
    if (who === 'carl') throw new Error('no answer of a directory of the server');
    if (who === 'number') return { actor: 42 as unknown as string }; // claims of a token are `any`
    return who === null || action.key === 'forbidden' ? null : { actor: who };
  },
);

/** Fails for some before the command is passed on, for others after it is done. */
const middleware: CommandMiddleware = async (command, next) => {
  if (command.actor === 'dora') throw new Error('a quota of the server');
  const outcome = await next(command);
  if (command.actor === 'emil') throw new Error('a journal of the server');
  return outcome;
};

let node: LockstepNode;
let handle: Handler;
const errors: unknown[] = [];

beforeAll(async () => {
  node = await openInMemory(app, { middleware: [middleware] });
  handle = api.handler(node, { base: '/api', limits: { bodyBytesMax: 1_000 }, onError: (error) => errors.push(error) });
});
afterAll(() => node.close());

const at = (path: string): string => `http://bank.test/api${path}`;
function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has('x-who')) headers.set('x-who', 'ann');
  return handle(new Request(at(path), { ...init, headers }));
}
function send(
  command: string,
  key: string,
  data: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const all = { 'content-type': 'application/json', ...headers };
  const path = `/machines/account/commands/${command}?key=${encodeURIComponent(key)}`;
  return ask(path, { method: 'POST', headers: all, body: JSON.stringify(data) });
}

describe('commands', () => {
  test('a command is committed, and its version is the ETag', async () => {
    const response = await send('Deposit', 'acme/../1', 5);
    expect([response.status, response.headers.get('etag')]).toEqual([200, '"2"']);
    const body = (await response.json()) as { kind: string; token: string };
    expect(body).toMatchObject({ kind: 'committed', version: 2, repeated: false });
    expect(response.headers.get('lockstep-token')).toBe(body.token);
    expect((await node.read(account, 'acme/../1')).state.balance).toBe(5);
  });

  test('the actor is who authorize says', async () => {
    const response = await send('Deposit', 'actor', 5, { 'x-who': 'bob', 'lockstep-actor': 'root' });
    expect(await response.json()).toMatchObject({ events: [{}, { type: 'Noted', data: 'bob' }] });
  });

  test('sent again under its Idempotency-Key it runs once', async () => {
    const id = { 'idempotency-key': `"${commandId(new Date(1_700_000_000_000), 'old')}"` };
    expect((await send('Deposit', 'old', 5, id)).status).toBe(410);
    const first = (await (await send('Deposit', 'twice', 5)).json()) as { token: string };
    expect(first).toMatchObject({ repeated: false });
    const own = { 'idempotency-key': commandId(new Date((await node.read(account, 'twice')).state.at ?? 0), 'mine') };
    expect(await (await send('Deposit', 'once', 5, own)).json()).toMatchObject({ repeated: false, version: 2 });
    expect(await (await send('Deposit', 'once', 5, own)).json()).toMatchObject({ repeated: true, version: 2 });
  });

  test('a rejection is 422 with its code, a version that is not the expected one 412', async () => {
    const rejected = await send('Withdraw', 'poor', 7);
    expect(rejected.status).toBe(422);
    expect(await rejected.json()).toEqual({ kind: 'rejected', code: 'insufficient-funds', details: { missing: 7 } });
    const conflict = await send('Deposit', 'poor', 7, { 'if-match': '"3"' });
    expect([conflict.status, await conflict.json()]).toEqual([412, { kind: 'conflict', expected: 3, actual: 0 }]);
    expect((await send('Deposit', 'poor', 7, { 'if-none-match': '*' })).status).toBe(200);
  });

  test('between our own ends dates, bigints and bytes survive', async () => {
    const response = await ask('/machines/account/commands/Deposit?key=own', {
      method: 'POST',
      headers: { 'content-type': valueType, accept: valueType },
      body: encodeBody(5, 'value'),
    });
    const outcome = decodeBody(new Uint8Array(await response.arrayBuffer()), 'value');
    const event = { amount: 5, at: expect.any(Date), proof: Uint8Array.of(1, 2), big: 2n ** 70n };
    expect(outcome).toMatchObject({ events: [{ data: event }, {}] });
    const json = (await (await send('Deposit', 'own', 5)).json()) as { events: [{ data: object }] };
    expect(json.events[0].data).toMatchObject({ proof: 'AQI=', big: String(2n ** 70n) });
  });
});

describe('problems', () => {
  test('data that the schema refuses is told with its path, and a link that leads somewhere', async () => {
    const response = await send('Deposit', 'a', 'much');
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    const problem = (await response.json()) as { type: string };
    expect(problem).toMatchObject({
      kind: 'invalid',
      happened: 'no',
      retry: false,
      advice: ['amount  Expected a number'],
    });
    const explained = await handle(new Request(`http://bank.test${problem.type}`));
    expect(await explained.json()).toMatchObject({ kind: 'invalid', status: 400 });
  });

  test('what decide throws is told to the operator alone', async () => {
    const response = await send('Break', 'a', null);
    const told = await response.text();
    expect([response.status, told.includes('secret')]).toEqual([500, false]);
    expect(JSON.parse(told)).toMatchObject({ kind: 'misuse', happened: 'no', retry: false, status: 500 });
    expect(errors.splice(0)).toEqual([expect.objectContaining({ message: 'a secret of the server' })]);
  });

  test.each([
    ['authorize', 'carl', 'no', false],
    ['middleware that has not passed the command on', 'dora', 'no', false],
    ['middleware afterwards', 'emil', 'unknown', true],
  ])('what %s throws likewise, with whether anything was done', async (_what, who, happened, isDone) => {
    const response = await send('Deposit', `of ${who}`, 5, { 'x-who': who });
    const told = await response.text();
    expect([response.status, told.includes('of the server')]).toEqual([500, false]);
    expect(JSON.parse(told)).toMatchObject({ kind: happened === 'no' ? 'misuse' : 'unknown', happened });
    expect(errors.splice(0)).toEqual([expect.objectContaining({ message: expect.stringContaining('of the server') })]);
    expect((await node.read(account, `of ${who}`)).version > 0).toBe(isDone);
  });

  test('an actor who is no text is told to the server, not to the caller, and nothing is done', async () => {
    const response = await send('Deposit', 'numbered', 5, { 'x-who': 'number' });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ kind: 'misuse', happened: 'no', values: {} });
    expect(errors.splice(0)).toEqual([expect.objectContaining({ kind: 'misuse', values: { actor: 'number' } })]);
    expect((await node.read(account, 'numbered')).version).toBe(0);
  });

  test.each([
    ['a command that is not exposed', 404, () => send('Close', 'a', null)],
    ['a machine that is not there', 404, () => ask('/machines/nobody/state?key=a')],
    ['a name of the prototype', 404, () => ask('/machines/constructor/state?key=a')],
    ['another path', 404, () => ask('/machines/account')],
    ['a path that climbs', 404, () => ask('/machines/account/commands/../../../etc/passwd?key=a')],
    ['a path that climbs, encoded', 404, () => ask('/machines/%2e%2e/state?key=a')],
    ['a path outside of the base', 404, () => handle(new Request('http://bank.test/machines/account/state?key=a'))],
    ['nobody', 403, () => handle(new Request(at('/machines/account/state?key=a')))],
    ['one whom authorize refuses', 403, () => send('Deposit', 'forbidden', 1)],
    ['another method', 405, () => ask('/machines/account/commands/Deposit?key=a')],
    ['no key', 400, () => ask('/machines/account/state')],
    ['an empty key', 400, () => ask('/machines/account/state?key=')],
    ['a key that is too long', 400, () => ask(`/machines/account/state?key=${'k'.repeat(501)}`)],
    ['a token that is none', 400, () => ask('/machines/account/state?key=a&after=x')],
    ['an age that is none', 400, () => ask('/machines/account/state?key=a&maxAge=5')],
    ['a position that is none', 400, () => ask('/machines/account/events?key=a&after=~~')],
    ['a limit that is none', 400, () => ask('/machines/account/events?key=a&limit=-1')],
    ['an id that is none', 400, () => send('Deposit', 'a', 1, { 'idempotency-key': 'mine' })],
    ['a deadline that is none', 400, () => send('Deposit', 'a', 1, { 'lockstep-deadline': 'soon' })],
    ['an ETag that is none', 400, () => send('Deposit', 'a', 1, { 'if-match': '*' })],
    ['a fence that is none', 400, () => send('Deposit', 'a', 1, { 'lockstep-fence': '%7B%7D' })],
    ['a body of another type', 415, () => send('Deposit', 'a', 1, { 'content-type': 'text/plain' })],
    [
      'nothing that a page sends without a type',
      415,
      () => ask('/machines/account/commands/Break?key=a', { method: 'POST', headers: { origin: 'http://evil.test' } }),
    ],
    ['a body that is too large', 413, () => send('Deposit', 'a', 'x'.repeat(2_000))],
    ['a body that is no value', 400, () => send('Deposit', 'a', 'much', { 'content-type': valueType })],
    [
      'a body that is nested without end',
      400,
      () => unlimited('/machines/account/commands/Deposit?key=a', `${'['.repeat(400_000)}${']'.repeat(400_000)}`),
    ],
    ['a __proto__', 400, () => ask('/machines/account/commands/Deposit?key=a', protoBody)],
    [
      'headers that are too large',
      431,
      () => ask('/machines/account/state?key=a', { headers: { x: 'x'.repeat(20_000) } }),
    ],
  ])('%s is answered with %i', async (_what, status, request) => {
    const response = await request();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status, happened: 'no' });
  });

  test('who is not trusted is not told what is there', async () => {
    expect(await (await ask('/machines/nobody/state?key=a')).text()).not.toContain('account');
  });
});

/** By a handler that takes as much as handlers do by default. */
const unlimited = (path: string, body: string): Promise<Response> =>
  api.handler(node, { base: '/api' })(
    new Request(at(path), {
      method: 'POST',
      headers: { 'x-who': 'ann', 'content-type': 'application/json' },
      body,
    }),
  );

const protoBody: RequestInit = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"__proto__":{"a":1}}',
};

describe('states', () => {
  test('a state has its version as ETag, and is not sent again to who has it', async () => {
    await send('Deposit', 'state', 5);
    const response = await ask('/machines/account/state?key=state');
    const etag = response.headers.get('etag') ?? '';
    expect([response.status, etag]).toEqual([200, expect.stringMatching(/^"2\.[0-9a-f]{32}"$/)]);
    expect(await response.json()).toMatchObject({ state: { balance: 5 }, version: 2 });
    const asked = async (known: string) =>
      (await ask('/machines/account/state?key=state', { headers: { 'if-none-match': known } })).status;
    expect([await asked(etag), await asked(`W/${etag}`), await asked('"2"'), await asked('"3.0"')]).toEqual([
      304, 304, 200, 200,
    ]);
    await send('Deposit', 'matched', 5);
    const matched = { 'if-match': (await ask('/machines/account/state?key=matched')).headers.get('etag') ?? '' };
    expect((await send('Deposit', 'matched', 1, matched)).status).toBe(200);
    expect((await send('Deposit', 'matched', 1, matched)).status).toBe(412);
  });

  test('a query answers, and its key is what authorize is asked for', async () => {
    const headers = { 'content-type': 'application/json' };
    const asked = (key: string) => ask('/queries/balance', { method: 'POST', headers, body: JSON.stringify({ key }) });
    expect(await (await asked('state')).json()).toMatchObject({ value: { balance: 5 } });
    expect((await asked('forbidden')).status).toBe(403);
  });
});

describe('events', () => {
  test('come in pages, each beginning where the one before ended', async () => {
    for (const data of [1, 2]) await send('Deposit', 'pages', data);
    const path = '/machines/account/events?key=pages&limit=3';
    const page = (await (await ask(path)).json()) as { events: { version: number }[]; next: string };
    expect(page.events.map(({ version }) => version)).toEqual([1, 2, 3]);
    const rest = (await (await ask(`${path}&after=${encodeURIComponent(page.next)}`)).json()) as typeof page;
    expect(rest.events.map(({ version }) => version)).toEqual([4]);
  });

  test('come as a stream, which goes on after the very event that was taken', async () => {
    for (const data of [1, 2]) await send('Deposit', 'stream', data);
    const seen = await frames('/machines/account/events?key=stream', 1);
    expect(seen.map(({ event }) => event)).toEqual(['Deposited']);
    const rest = await frames('/machines/account/events?key=stream', 3, { 'last-event-id': seen[0]?.id ?? '' });
    expect(rest.map(({ event, data }) => [event, (data as { version: number }).version])).toEqual([
      ['Noted', 2],
      ['Deposited', 3],
      ['Noted', 4],
    ]);
    const last = await frames('/machines/account/events?key=stream', 1, { 'last-event-id': rest[1]?.id ?? '' });
    expect(last).toEqual([rest[2]]);
  });

  test('a stream that nobody reads holds a bounded part, and more streams than allowed are refused', async () => {
    for (const data of [1, 2]) await send('Deposit', 'unread', data);
    const narrow = api.handler(node, { base: '/api', limits: { streamsMax: 1, streamBytesMax: 100 } });
    const request = () =>
      new Request(at('/machines/account/events?key=unread'), {
        headers: { accept: 'text/event-stream', 'x-who': 'ann' },
      });
    const open = await narrow(request());
    expect((await narrow(request())).status).toBe(503);
    const reader = open.body?.getReader();
    const chunks = [await reader?.read(), await reader?.read()];
    const text = chunks.map((chunk) => new TextDecoder().decode(chunk?.value as Uint8Array | undefined)).join('');
    expect(text.match(/^id: /gm)?.length).toBe(1);
    await reader?.cancel();
    await expect.poll(async () => (await narrow(request())).status).toBe(200);
  });
});

interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** So many events of a stream. */
async function frames(path: string, count: number, headers: Readonly<Record<string, string>> = {}): Promise<Frame[]> {
  const response = await ask(path, { headers: { accept: 'text/event-stream', ...headers } });
  const found: Frame[] = [];
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += new TextDecoder().decode(chunk);
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts.filter((one) => one.startsWith('id'))) {
      const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(part) ?? [];
      if (found.push({ id, event, data: JSON.parse(data) as unknown }) === count) return found;
    }
  }
  return found;
}

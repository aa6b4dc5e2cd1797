import { describe, expect, test } from 'vitest';
import { account, order, payslip, positive, schema, shipment } from '../../test/models/shop.ts';
import { accessTo, allow, expose } from './access.ts';
import { defineApp, missingServices, provide } from './app.ts';
import { committed } from './connection.ts';
import { fsm } from './fsm.ts';
import { given } from './given.ts';
import { machine } from './machine.ts';
import { check, checkNow, nothing, unchecked } from './schema.ts';
import { service, type WorkerPart } from './part.ts';
import { shapesOf, upcast, versions } from './versions.ts';

const misuse: unknown = expect.objectContaining({ kind: 'misuse' });

describe('a schema', () => {
  const subject = { kind: 'command', name: 'account.Deposit' } as const;

  test('makes of data what `decide` sees, or refuses it with a line for each issue', () => {
    expect(checkNow(order['~machine'].commands['Cancel'] ?? nothing, {}, subject)).toEqual({ reason: 'customer' });
    expect(() => check(positive, { amount: 0 }, subject)).toThrow(
      'the schema of this command refuses the data; nothing was done command=`account.Deposit`\n  amount  Too small',
    );
    const many = schema(() => Array.from({ length: 25 }, (_, at) => ({ message: 'no', path: ['list', { key: at }] })));
    expect(() => checkNow(many, null, subject)).toThrow(/\n {2}list\.19 {2}no\n {2}and 5 more$/);
  });

  test('may be asynchronous at the edge, and not within a transaction', async () => {
    const slow = {
      '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => ({ value }) },
    } as const;
    await expect(check(slow, 7, subject)).resolves.toBe(7);
    expect(() => checkNow(slow, 7, subject)).toThrow(misuse);
  });

  test('`nothing` takes nothing, `unchecked` everything', () => {
    expect(checkNow(nothing, undefined, subject)).toBeUndefined();
    expect(() => checkNow(nothing, {}, subject)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(checkNow(unchecked<string>(), 7, subject)).toBe(7);
  });
});

test('an old shape comes up step by step, each through its own upcast', () => {
  const history = versions(unchecked<{ a: number }>())
    .next(unchecked<{ b: number }>(), ({ a }) => ({ b: a + 1 }))
    .next(unchecked<{ c: string }>(), ({ b }) => ({ c: String(b) }));
  expect([upcast(history, 1, { a: 1 }), upcast(history, 2, { b: 5 }), upcast(history, 3, { c: 'x' })]).toEqual([
    { c: '2' },
    { c: '5' },
    { c: 'x' },
  ]);
  expect(shapesOf(history)).toHaveLength(3);
  expect(shapesOf(positive)).toHaveLength(1);
  for (const shape of [0, 4, 1.5]) expect(() => upcast(history, shape, {})).toThrow(misuse);
});

describe('a declaration is refused', () => {
  const base = { initial: () => ({}), commands: {}, events: {}, decide: {}, evolve: {} };

  test('with a name that cannot be written on a command line, or a version that is none', () => {
    for (const name of ['', 'a b', 'a/b', '1a', 'a'.repeat(101)])
      expect(() => machine({ ...base, name })).toThrow(misuse);
    for (const codeVersion of [0, 1.5, -1]) expect(() => machine({ ...base, name: 'a', codeVersion })).toThrow(misuse);
    expect(machine({ ...base, name: 'month-end_2' }).name).toBe('month-end_2');
  });

  test("with two deadlines of one state, one of nothing, or an event of a deadline's name", () => {
    const events = { Go: nothing };
    const table = { name: 'table', initial: 'a', events } as const;
    expect(() => fsm({ ...table, states: { a: { after: { '1s': 'b', '2s': 'a' } }, b: {} } })).toThrow(misuse);
    expect(() => fsm({ ...table, states: { a: { after: { '0s': 'b' } }, b: {} } })).toThrow(misuse);
    expect(() => fsm({ ...table, events: { TimedOut: nothing }, states: { a: {} } })).toThrow(misuse);
  });
});

describe('given, when, then', () => {
  test('an overdraft is refused, and says what is missing', () => {
    expect(given(account, { type: 'Deposited', data: { amount: 30 } }).when('Withdraw', { amount: 50 })).toEqual({
      kind: 'rejected',
      code: 'insufficient-funds',
      details: { missing: 20 },
    });
  });

  test('a decision shows its events and what it sends with them', () => {
    const { events, effects } = given(payslip).when('Pay', { amount: 3 });
    expect(events).toEqual([{ type: 'Paid', data: { amount: 3 } }]);
    expect(effects.map(({ kind }) => kind)).toEqual(['send', 'send']);
  });

  test('data is checked as at the edge: defaults are filled in, what the schema refuses is refused', () => {
    expect(given(order).when('Cancel', {})).toMatchObject({ events: [{ data: { reason: 'customer' } }] });
    expect(() => given(account).when('Deposit', { amount: 0 })).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  test('time that is up is a transition like any other', () => {
    expect(given(shipment, { type: 'Requested', data: undefined }).whenTimeIsUp().events).toEqual([
      { type: 'TimedOut', data: { from: 'requested', to: 'overdue' } },
    ]);
    expect(given(shipment).whenTimeIsUp().events).toEqual([]);
  });

  test('an `evolve` that is not pure, or changes the state in place, is found', () => {
    const definition = {
      name: 'counter',
      initial: () => ({ count: 0 }),
      commands: {},
      events: { Counted: nothing },
      decide: {},
    } as const;
    let calls = 0;
    const drifting = machine({ ...definition, evolve: { Counted: () => ({ count: calls++ }) } });
    expect(() => given(drifting, { type: 'Counted', data: undefined })).toThrow(/not pure/);
    const inPlace = machine({ ...definition, evolve: { Counted: (state) => (state.count++, state) } });
    expect(() => given(inPlace, { type: 'Counted', data: undefined })).toThrow(TypeError);
  });

  test('an event that its schema refuses is found', () => {
    const strict = machine({
      name: 'strict',
      initial: () => ({}),
      commands: {},
      events: { Paid: positive },
      decide: {},
      evolve: { Paid: (state) => state },
    });
    expect(() => given(strict, { type: 'Paid', data: { amount: -1 } })).toThrow(/strict\.Paid/);
  });
});

describe('an app', () => {
  const mailing: WorkerPart<{ mailer: { readonly kind: 'service' } }> = {
    kind: 'worker',
    name: 'mailing',
    needs: { mailer: service<string>() },
  };

  test('has no two parts of one kind and name', () => {
    expect(() => defineApp({ name: 'bank', parts: [account, account] })).toThrow(misuse);
  });

  test('knows what is not provided yet', () => {
    const app = defineApp({ name: 'shop', parts: [mailing] });
    expect(missingServices(app)).toEqual(['mailer']);
    expect(missingServices(provide(app, { mailer: 'a mailer' }))).toEqual([]);
  });
});

describe('access', () => {
  const api = expose(
    [allow(order, { send: ['Place'], read: true }), allow(account, { send: ['Deposit'] })],
    async (request) => {
      const actor = request.headers.get('x-user');
      return actor === null ? null : { actor };
    },
  );
  const asked = async (action: Parameters<typeof accessTo>[2], headers: Record<string, string> = { 'x-user': 'ann' }) =>
    accessTo(api, new Request('http://shop.test/', { headers }), action);

  test('is granted to whom `authorize` names, for what is listed', async () => {
    await expect(asked({ kind: 'send', name: 'order', key: 'o', command: 'Place' })).resolves.toEqual({
      kind: 'granted',
      actor: 'ann',
    });
    await expect(asked({ kind: 'events', name: 'order', key: 'o' })).resolves.toMatchObject({ kind: 'granted' });
    await expect(asked({ kind: 'read', name: 'order', key: 'o' }, {})).resolves.toEqual({ kind: 'refused' });
  });

  test.each([
    { kind: 'send', name: 'order', key: 'o', command: 'MarkPaid' },
    { kind: 'send', name: 'order', key: 'o' },
    { kind: 'read', name: 'account', key: 'a' },
    { kind: 'query', name: 'order', key: null },
    { kind: 'read', name: 'payslip', key: 'p' },
  ] as const)('to what is not listed nobody has: $kind $name', async (action) => {
    await expect(asked(action)).resolves.toEqual({ kind: 'not-exposed' });
  });

  test.each([42, '', 'x'.repeat(513), '\ud800', undefined, null, {}])('nobody is named by %j', async (actor) => {
    const wrong = expose([allow(order, { read: true })], async () => ({ actor }) as never);
    const access = await accessTo(wrong, new Request('http://shop.test/'), { kind: 'read', name: 'order', key: 'o' });
    expect(access).toMatchObject({ kind: 'failed', error: { kind: 'misuse' } });
  });

  test('is refused where `authorize` returns nothing', async () => {
    const silent = expose([allow(order, { read: true })], async () => undefined as never);
    const access = await accessTo(silent, new Request('http://shop.test/'), { kind: 'read', name: 'order', key: 'o' });
    expect(access).toEqual({ kind: 'refused' });
  });

  test('is listed once', () => {
    expect(() => expose([allow(order, {}), allow(order, {})], async () => null)).toThrow(misuse);
  });
});

test('a committed outcome is taken, any other is thrown with its code', () => {
  expect(committed({ kind: 'committed' as const, version: 3 }).version).toBe(3);
  expect(() => committed({ kind: 'rejected', code: 'sold-out' })).toThrow(
    expect.objectContaining({ kind: 'rejected' }),
  );
});

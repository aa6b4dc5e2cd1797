/**
 * What the compiler infers, and what it refuses. A line under `@ts-expect-error` that compiled would fail the suite `types`.
 * What is refused at run time too, for callers without types, is run; the rest stands in functions that nobody calls.
 */
import { describe, expect, expectTypeOf, test } from 'vitest';
import { account, emails, order, ping, shipment, type OrderState } from '../../test/models/shop.ts';
import type { Rejection } from '../partition/transaction.ts';
import { allow, expose, type ClientOf } from './access.ts';
import { defineApp, provide, type App, type Complete } from './app.ts';
import type { Connection } from './connection.ts';
import type { CommandInput, CommandsOf, Context, EventsOf, RejectionOf, StateOf } from './definition.ts';
import { fsm, next } from './fsm.ts';
import { given } from './given.ts';
import { machine } from './machine.ts';
import { service, type LockPart, type Saga, type Service, type Topic, type WorkerPart } from './part.ts';
import { reject } from './rejection.ts';
import { nothing, unchecked } from './schema.ts';

const misuse: unknown = expect.objectContaining({ kind: 'misuse' });
declare const bank: Connection;

/** What only the compiler looks at: it is never called. */
const compiled = (_wrong: () => unknown): void => undefined;

describe('inferred without a type argument', () => {
  test('states, events, commands and rejections of a machine', () => {
    expectTypeOf<StateOf<typeof account>>().toEqualTypeOf<{ balance: number }>();
    expectTypeOf<StateOf<typeof order>>().toEqualTypeOf<OrderState>();
    expectTypeOf<EventsOf<typeof order>['Placed']>().toEqualTypeOf<{ total: number; currency: string }>();
    expectTypeOf<CommandsOf<typeof order>['Cancel']>().toEqualTypeOf<{
      in: { reason?: string };
      out: { reason: string };
    }>();
    expectTypeOf<RejectionOf<typeof account, 'Deposit'>>().toEqualTypeOf<never>();
    expectTypeOf<RejectionOf<typeof account, 'Withdraw'>>().toEqualTypeOf<
      Rejection<'insufficient-funds', { missing: number }>
    >();
    expectTypeOf<CommandInput<typeof ping, 'Ping'>>().toEqualTypeOf<void>();
    expectTypeOf(account.name).toEqualTypeOf<'account'>();
  });

  test('several rejections of one command, from several places', () => {
    const door = machine({
      name: 'door',
      initial: () => ({ locked: false as boolean }),
      commands: { Open: unchecked<{ code: number }>() },
      events: { Opened: nothing },
      decide: {
        Open: (door, { code }, { event }) => {
          if (door.locked) return reject('locked');
          return code === 0 ? reject('no-code', { code }) : [event('Opened')];
        },
      },
      evolve: { Opened: (door) => door },
    });
    expectTypeOf<RejectionOf<typeof door, 'Open'>>().toEqualTypeOf<
      Rejection<'locked', undefined> | Rejection<'no-code', { code: number }>
    >();
    expect(given(door).when('Open', { code: 0 })).toEqual({ kind: 'rejected', code: 'no-code', details: { code: 0 } });
  });

  test('a machine that sends to itself', () => {
    const countdown = machine({
      name: 'countdown',
      initial: () => ({ left: 3 }),
      commands: { Tick: nothing },
      events: { Ticked: nothing },
      decide: {
        Tick: ({ left }, _nothing, { event, key, sendAfter }) => {
          if (left === 0) return reject('over');
          sendAfter('1s', countdown, key, 'Tick');
          return [event('Ticked')];
        },
      },
      evolve: { Ticked: ({ left }) => ({ left: left - 1 }) },
    });
    expectTypeOf<RejectionOf<typeof countdown, 'Tick'>>().toEqualTypeOf<Rejection<'over', undefined>>();
    expect(given(countdown).when('Tick')).toMatchObject({ effects: [{ machine: 'countdown', delayMs: 1_000 }] });
  });

  test('the states of a table, and where each event leads', () => {
    expectTypeOf<StateOf<typeof shipment>['at']>().toEqualTypeOf<
      'idle' | 'requested' | 'overdue' | 'packed' | 'moving' | 'delivered'
    >();
    expect(next(shipment, 'moving', 'Lost') satisfies 'requested').toBe('requested');
    expectTypeOf<RejectionOf<typeof shipment, 'Lost'>['details']['at']>().toEqualTypeOf<
      'idle' | 'requested' | 'overdue' | 'packed' | 'delivered'
    >();
    expectTypeOf<EventsOf<typeof shipment>['HandedOver']>().toEqualTypeOf<{ carrier: string }>();
  });

  test('an outcome holds what can happen, nothing else', () => {
    compiled(async () => {
      const deposit = await bank.send(account, 'a-1', 'Deposit', { amount: 1 });
      expectTypeOf(deposit.kind).toEqualTypeOf<'committed'>();
      // @ts-expect-error a command that never rejects is not asked for it
      if (deposit.kind === 'rejected') return;
      const withdrawal = await bank.send(account, 'a-1', 'Withdraw', { amount: 1 });
      expectTypeOf(withdrawal.kind).toEqualTypeOf<'committed' | 'rejected'>();
      const expected = await bank.send(account, 'a-1', 'Deposit', { amount: 1 }, { expectedVersion: 3 });
      expectTypeOf(expected.kind).toEqualTypeOf<'committed' | 'conflict'>();
      const plain = await bank.send(account, 'a-1', 'Deposit', { amount: 1 }, { deadline: '2s', fence: undefined });
      expectTypeOf(plain.kind).toEqualTypeOf<'committed'>();
      await bank.send(ping, 'p-1', 'Ping');
      await bank.send(shipment, 's-1', 'Packed', undefined, { from: 'requested' });
      for await (const event of bank.events(order)) if (event.type === 'Paid') event.data.paymentId satisfies string;
    });
  });
});

describe('refused where a machine is used', () => {
  test('unknown commands, wrong payloads', () => {
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: 1 }));
    // @ts-expect-error no such command
    compiled(() => bank.send(account, 'a', 'Deposti', { amount: 1 }));
    // @ts-expect-error 'string' is not assignable to 'number'
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: '1' }));
    // @ts-expect-error its data is missing
    compiled(() => bank.send(account, 'a', 'Deposit'));
    // @ts-expect-error it has no data
    compiled(() => bank.send(ping, 'a', 'Ping', { count: 1 }));
    // @ts-expect-error an extra field
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: 1, note: '' }));
    // @ts-expect-error no such command
    expect(() => given(account).when('Deposti', { amount: 1 })).toThrow(misuse);
  });

  test('options that are of another kind', () => {
    // @ts-expect-error a bare string is no command id
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: 1 }, { commandId: 'mine' }));
    // @ts-expect-error a bare number is no duration
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: 1 }, { deadline: 30 }));
    // @ts-expect-error a duration has a unit of ours
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: 1 }, { deadline: '5 minutes' }));
    // @ts-expect-error a bare string is no token
    compiled(() => bank.read(account, 'a', { after: '7' }));
  });

  test('what `decide` asks for, with a wrong payload or none', () => {
    compiled((tx?: Context<object>) => {
      if (tx === undefined) return;
      tx.send(ping, 'p', 'Ping');
      tx.push(emails, { to: 'ann' }, { after: '5min' });
      tx.start(checkout, 'o-1', 3);
      tx.publish(deliveries, { sku: 'tea' });
      // @ts-expect-error no such command
      tx.send(account, 'a', 'Deposti', { amount: 1 });
      // @ts-expect-error 'string' is not assignable to 'number'
      tx.send(account, 'a', 'Deposit', { amount: '1' });
      // @ts-expect-error a bare number is no duration
      tx.sendAfter(5, ping, 'p', 'Ping');
      // @ts-expect-error 'number' is not assignable to 'string'
      tx.push(emails, { to: 7 });
      // @ts-expect-error a duration has a unit of ours
      tx.push(emails, { to: 'ann' }, { after: '5 minutes' });
      // @ts-expect-error 'string' is not assignable to 'number'
      tx.start(checkout, 'o-1', 'three');
      // @ts-expect-error its message is missing
      tx.publish(deliveries);
    });
  });

  test('events that the state does not take', () => {
    // @ts-expect-error 'delivered' takes no events
    expect(() => next(shipment, 'delivered', 'Lost')).toThrow(misuse);
    // @ts-expect-error 'after' is no event
    expect(() => next(shipment, 'requested', 'after')).toThrow(misuse);
    // @ts-expect-error 'idle' does not take it
    compiled(() => bank.send(shipment, 's-1', 'Packed', undefined, { from: 'idle' }));
    // @ts-expect-error a machine of functions has no such states
    compiled(() => bank.send(account, 'a', 'Deposit', { amount: 1 }, { from: 'idle' }));
  });
});

const parts = {
  name: 'light',
  initial: () => ({ on: false }),
  commands: { Press: nothing },
  events: { Pressed: unchecked<{ by: string }>() },
} as const;
const evolve = { Pressed: () => ({ on: true }) };

describe('refused in a declaration', () => {
  test('a command not decided, an event not evolved, or one too many', () => {
    const Press = (): [] => [];
    // @ts-expect-error Property 'Press' is missing
    expect(() => machine({ ...parts, decide: {}, evolve })).toThrow(misuse);
    // @ts-expect-error no such command
    expect(() => machine({ ...parts, decide: { Press, Pull: Press }, evolve })).toThrow(misuse);
    // @ts-expect-error Property 'Pressed' is missing
    expect(() => machine({ ...parts, decide: { Press }, evolve: {} })).toThrow(misuse);
    const more = { ...evolve, Pulled: () => ({ on: true }) };
    expect(() => machine({ ...parts, decide: { Press }, evolve: more })).toThrow(misuse);
    // @ts-expect-error 'Pulled' does not exist
    compiled(() => machine({ ...parts, decide: { Press }, evolve: { ...evolve, Pulled: evolve.Pressed } }));
  });

  test('a wrong event, at the wrong word', () => {
    const light = machine({
      ...parts,
      decide: {
        Press: (_light, _nothing, { event }) => {
          // @ts-expect-error no such event
          expect(() => event('Presed', { by: 'me' })).toThrow(misuse);
          // @ts-expect-error 'number' is not assignable to 'string'
          compiled(() => event('Pressed', { by: 1 }));
          // @ts-expect-error an extra field
          compiled(() => event('Pressed', { by: 'me', note: '' }));
          return [event('Pressed', { by: 'me' })];
        },
      },
      evolve,
    });
    expect(given(light).when('Press').kind).toBe('decided');
  });

  test('`decide` that returns nothing, or later; `evolve` that returns later; a state of another shape', () => {
    // @ts-expect-error 'void' is not assignable
    const silent = machine({ ...parts, decide: { Press: () => {} }, evolve });
    expect(() => given(silent).when('Press')).toThrow(misuse);
    // @ts-expect-error 'Promise<never[]>' is not assignable
    const late = machine({ ...parts, decide: { Press: async () => [] }, evolve });
    expect(() => given(late).when('Press')).toThrow(misuse);
    const failing = async (): Promise<[]> => Promise.reject(new Error('told by the misuse alone'));
    // @ts-expect-error 'Promise<[]>' is not assignable
    const failed = machine({ ...parts, decide: { Press: failing }, evolve });
    expect(() => given(failed).when('Press')).toThrow(misuse);
    // @ts-expect-error 'Promise<never>' lacks `on`
    const later = machine({ ...parts, decide: { Press: () => [] }, evolve: { Pressed: failing } });
    expect(() => given(later, { type: 'Pressed', data: { by: 'me' } })).toThrow(misuse);
    // @ts-expect-error 'string' is not assignable to 'boolean'
    compiled(() => machine({ ...parts, decide: { Press: () => [] }, evolve: { Pressed: () => ({ on: 'yes' }) } }));
    // @ts-expect-error the state lacks `on`
    compiled(() => machine({ ...parts, decide: { Press: () => [] }, evolve: { Pressed: () => ({}) } }));
  });

  test('a literal that the union of states does not have', () => {
    const lamp = {
      ...parts,
      initial: (): { status: 'off' | 'on' } => ({ status: 'off' }),
      decide: { Press: () => [] },
    };
    compiled(() => machine({ ...lamp, evolve: { Pressed: () => ({ status: 'on' }) } }));
    compiled(() => machine({ ...lamp, evolve: { Pressed: (state) => ({ ...state, status: 'on' }) } }));
    // @ts-expect-error 'dim' is not assignable
    compiled(() => machine({ ...lamp, evolve: { Pressed: () => ({ status: 'dim' }) } }));
  });

  test('a rule of archiving over what the state does not have, or with no duration', () => {
    const lamp = {
      name: 'lamp',
      initial: () => ({ isBroken: false as boolean }),
      commands: { Press: nothing },
      events: { Pressed: nothing },
      decide: { Press: () => [] },
      evolve: { Pressed: (state: { isBroken: boolean }) => state },
    } as const;
    expect(machine({ ...lamp, archive: { when: ({ isBroken }) => isBroken, after: '90d' } }).name).toBe('lamp');
    // @ts-expect-error no such property
    compiled(() => machine({ ...lamp, archive: { when: ({ isLost }) => isLost === true, after: '90d' } }));
    // @ts-expect-error '90 days' is no duration
    expect(() => machine({ ...lamp, archive: { when: () => true, after: '90 days' } })).toThrow(misuse);
    const table = { name: 'table', events: { Go: nothing }, initial: 'a', states: { a: { Go: 'b' }, b: {} } } as const;
    expect(fsm({ ...table, archive: { when: ({ at }) => at === 'b', after: '1h' } }).name).toBe('table');
    // @ts-expect-error the table has no such state
    compiled(() => fsm({ ...table, archive: { when: ({ at }) => at === 'c', after: '1h' } }));
  });

  test('a table with an unknown state, event or duration', () => {
    const table = { name: 'table', events: { Go: nothing }, initial: 'a' } as const;
    // @ts-expect-error '"c"' is not assignable to '"a" | "b"'
    expect(() => fsm({ ...table, states: { a: { Go: 'c' }, b: {} } })).toThrow(misuse);
    // @ts-expect-error 'Stop' does not exist
    expect(() => fsm({ ...table, states: { a: { Stop: 'b' }, b: {} } })).toThrow(misuse);
    // @ts-expect-error '5 minutes' is no duration
    expect(() => fsm({ ...table, states: { a: { after: { '5 minutes': 'b' } }, b: {} } })).toThrow(misuse);
    // @ts-expect-error '"z"' is not assignable
    expect(() => fsm({ ...table, initial: 'z', states: { a: { Go: 'b' }, b: {} } })).toThrow(misuse);
    // @ts-expect-error an unknown state after a deadline
    expect(() => fsm({ ...table, states: { a: { after: { '1s': 'c' } }, b: {} } })).toThrow(misuse);
  });
});

interface Mailer {
  send(to: string): Promise<void>;
}
interface Payments {
  charge(cents: number): Promise<void>;
}
const mailing: WorkerPart<{ mailer: Service<Mailer> }> = {
  kind: 'worker',
  name: 'mailing',
  needs: { mailer: service<Mailer>() },
};
const checkout: Saga<'checkout', number, string, never, unknown, { payments: Service<Payments> }> = {
  kind: 'saga',
  name: 'checkout',
  needs: { payments: service<Payments>() },
};
const deliveries: Topic<'deliveries', { sku: string }, { sku: string }> = { kind: 'topic', name: 'deliveries' };
const monthEnd: LockPart = { kind: 'lock', name: 'month-end' };
const mailer: Mailer = { send: async () => {} };
const payments: Payments = { charge: async () => {} };
declare function open<Missing>(app: App<Missing> & Complete<Missing>): void;

describe('an app', () => {
  test('opens once all that its parts need is provided', () => {
    const shop = defineApp({ name: 'shop', parts: [account, order, mailing, checkout, monthEnd] });
    const complete = provide(shop, { mailer, payments });
    compiled(() => open(complete));
    compiled(() => open(defineApp({ name: 'bank', parts: [account] })));
    // @ts-expect-error call provide(app, services) first
    compiled(() => open(shop));
    // @ts-expect-error 'payments' is missing
    expect(() => provide(shop, { mailer })).toThrow(misuse);
    // @ts-expect-error no part needs it
    expect(() => provide(shop, { mailer, payments, clock: 1 })).toThrow(misuse);
    // @ts-expect-error of another type
    compiled(() => provide(shop, { mailer, payments: mailer }));
  });

  test('exposes what it lists, and nothing without `authorize`', () => {
    const api = expose(
      [allow(order, { send: ['Place', 'Cancel'], read: true }), allow(shipment, { read: true })],
      async () => null,
    );
    // @ts-expect-error `authorize` cannot be left out
    compiled(() => expose([allow(account, { read: true })]));
    // @ts-expect-error no such command
    expect(() => allow(order, { send: ['Plaice'] })).toThrow(misuse);
    compiled((client?: ClientOf<typeof api>) => {
      if (client === undefined) return;
      void client.send('order', 'acme/o-1', 'Place', { email: '', total: 1 });
      void client.read('shipment', 's-1').then(({ state }) => state.at satisfies string);
      // @ts-expect-error MarkPaid is not exposed
      void client.send('order', 'acme/o-1', 'MarkPaid', { paymentId: 'p-1' });
      // @ts-expect-error of shipments nothing can be sent
      void client.send('shipment', 's-1', 'Packed');
      // @ts-expect-error accounts are not exposed
      void client.read('account', 'a-1');
    });
  });
});

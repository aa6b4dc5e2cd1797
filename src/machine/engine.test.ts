import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { account, order, payslip, ping, shipment } from '../../test/models/shop.ts';
import type { StepContext } from './decision.ts';
import type { Context } from './definition.ts';
import { fold, initialOf, step, stepDeadline, stepNamed, type StoredEvent } from './engine.ts';
import { machine } from './machine.ts';
import { nothing, unchecked } from './schema.ts';

const misuse: unknown = expect.objectContaining({ kind: 'misuse' });
const now = new Date('2026-11-22T12:00:00Z');
const contextOf = (changes: Partial<StepContext> = {}): StepContext => ({
  now,
  key: 'acme/1',
  version: 0,
  actor: 'ann',
  commandId: 'c-1',
  newId: () => 'new',
  ...changes,
});
const stored = (type: string, data: unknown, shape = 1, at = now): StoredEvent => ({ type, data, shape, at });

describe('a command', () => {
  test('comes to its events, the state and the version after them', () => {
    expect(step(account, { balance: 5 }, { name: 'Withdraw', data: { amount: 2 } }, contextOf({ version: 7 }))).toEqual(
      {
        kind: 'decided',
        events: [{ type: 'Withdrawn', data: { amount: 2 } }],
        state: { balance: 3 },
        version: 8,
        effects: [],
        deadline: null,
      },
    );
  });

  test('that is rejected comes to the rejection alone: what it asked for before is dropped', () => {
    const outcome = step(
      order,
      { status: 'paid', total: 1 },
      { name: 'Place', data: { email: 'e', total: 1 } },
      contextOf(),
    );
    expect(outcome).toEqual({ kind: 'rejected', code: 'already-placed', details: { status: 'paid' } });
  });

  test('asks for messages in order, with the data as written, to be sent with its events', () => {
    const outcome = step(
      payslip,
      { paid: false },
      { name: 'Pay', data: { amount: 9 } },
      contextOf({ key: 'ann/2026-11' }),
    );
    expect(outcome).toMatchObject({
      effects: [
        { kind: 'send', machine: 'account', key: 'ann', command: 'Deposit', data: { amount: 9 }, delayMs: 0 },
        { kind: 'send', machine: 'account', key: 'ann', command: 'Withdraw', data: { amount: 1 }, delayMs: 3_600_000 },
      ],
    });
  });

  test('that the receiver would refuse at its edge is refused where it is sent', () => {
    const pay = () => step(payslip, { paid: false }, { name: 'Pay', data: { amount: -1 } }, contextOf());
    expect(pay).toThrow(/account\.Deposit[^]*amount {2}Too small/);
  });

  test('sends to no key that a sender from outside could not name', () => {
    const relay = machine({
      name: 'relay',
      initial: () => ({}),
      commands: { Pass: unchecked<unknown>(), PassLater: unchecked<unknown>() },
      events: {},
      decide: {
        Pass: (_state, key, { send }) => (send(ping, key as string, 'Ping'), []),
        PassLater: (_state, key, { sendAfter }) => (sendAfter('1h', ping, key as string, 'Ping'), []),
      },
      evolve: {},
    });
    const invalid = expect.objectContaining({ kind: 'invalid' });
    for (const name of ['Pass', 'PassLater'] as const) {
      for (const data of ['', 'x'.repeat(501), '\ud800', 42, null, undefined])
        expect(() => step(relay, {}, { name, data }, contextOf())).toThrow(invalid);
      expect(step(relay, {}, { name, data: 'x'.repeat(500) }, contextOf()).kind).toBe('decided');
    }
  });

  test('that there is none, also one that every object has, is misuse', () => {
    for (const name of ['Steal', 'constructor', '__proto__'])
      expect(() => stepNamed(account, { balance: 0 }, name, {}, contextOf())).toThrow(misuse);
  });

  test('what `decide` throws is thrown, and its context is over', () => {
    let kept: Context<{ Done: void }> | undefined;
    const broken = machine({
      name: 'broken',
      initial: () => ({}),
      commands: { Do: nothing },
      events: { Done: nothing },
      decide: {
        Do: (_state, _nothing, context) => {
          kept = context;
          throw new Error('a bug of the user');
        },
      },
      evolve: { Done: (state) => state },
    });
    expect(() => step(broken, {}, { name: 'Do', data: undefined }, contextOf())).toThrow('a bug of the user');
    expect(() => kept?.event('Done')).toThrow(misuse);
    expect(() => kept?.send(ping, 'p', 'Ping')).toThrow(misuse);
    expect(() => kept?.newId()).toThrow(misuse);
  });

  test('makes and asks for a bounded number of things', () => {
    const flood = machine({
      name: 'flood',
      initial: () => ({}),
      commands: { Events: unchecked<number>(), Effects: unchecked<number>() },
      events: { Made: nothing },
      decide: {
        Events: (_state, count, { event }) => Array.from({ length: count }, () => event('Made')),
        Effects: (_state, count, { send }) => {
          for (let at = 0; at < count; at++) send(ping, `p-${at}`, 'Ping');
          return [];
        },
      },
      evolve: { Made: (state) => state },
    });
    for (const name of ['Events', 'Effects'] as const) {
      expect(step(flood, {}, { name, data: 1_000 }, contextOf()).kind).toBe('decided');
      expect(() => step(flood, {}, { name, data: 1_001 }, contextOf())).toThrow(misuse);
    }
  });
});

describe('a fold', () => {
  test('of what was decided is the state that the decisions came to', () => {
    const amount = fc.integer({ min: 1, max: 100 });
    const command = fc.record({ name: fc.constantFrom('Deposit', 'Withdraw'), data: fc.record({ amount }) });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        let [state, version] = [initialOf(account), 0];
        const events: StoredEvent[] = [];
        for (const one of commands) {
          const outcome = step(account, state, one, contextOf({ version }));
          if (outcome.kind === 'rejected') continue;
          ({ state, version } = outcome);
          events.push(...outcome.events.map(({ type, data }) => stored(type, data)));
        }
        expect(version).toBe(events.length);
        expect(state.balance).toBeGreaterThanOrEqual(0);
        expect(fold(account, initialOf(account), events)).toEqual(state);
      }),
    );
  });

  test('reads old shapes through their upcasts, and refuses one that newer code wrote', () => {
    const seen: unknown[] = [];
    const watched = {
      ...order,
      '~machine': { ...order['~machine'], evolve: (state: unknown, event: unknown) => (seen.push(event), state) },
    };
    fold(watched, initialOf(order), [
      stored('Placed', { total: 5 }, 1),
      stored('Placed', { total: 6, currency: 'CHF' }, 2),
    ]);
    expect(seen).toEqual([
      { type: 'Placed', data: { total: 5, currency: 'EUR' } },
      { type: 'Placed', data: { total: 6, currency: 'CHF' } },
    ]);
    expect(() => fold(order, initialOf(order), [stored('Placed', {}, 3)])).toThrow(misuse);
  });

  test('over an event that the code does not know is refused', () => {
    expect(() => fold(account, initialOf(account), [stored('Closed', {})])).toThrow(/account\.Closed/);
  });
});

describe('a table', () => {
  const at = (state: 'idle' | 'requested' | 'overdue' | 'moving', since = now) => ({ at: state, since });

  test('takes an event: the state is entered now, and its deadline begins', () => {
    expect(step(shipment, initialOf(shipment), { name: 'Requested', data: undefined }, contextOf())).toMatchObject({
      events: [{ type: 'Requested' }],
      state: at('requested'),
      version: 1,
      deadline: new Date('2026-11-24T12:00:00Z'),
    });
  });

  test('rejects an event that its state does not take, and says which it does', () => {
    expect(step(shipment, at('moving'), { name: 'Packed', data: undefined }, contextOf({ version: 4 }))).toEqual({
      kind: 'rejected',
      code: 'not-accepted',
      details: { at: 'moving', accepts: ['Delivered', 'Lost'] },
    });
  });

  test('leaves a state by itself once its deadline has passed, not before, and not once it was left', () => {
    const due = new Date('2026-11-24T12:00:00Z');
    expect(stepDeadline(shipment, at('requested'), { now: new Date(due.getTime() - 1), version: 1 })).toBeNull();
    expect(stepDeadline(shipment, at('requested'), { now: due, version: 1 })).toEqual({
      kind: 'decided',
      events: [{ type: 'TimedOut', data: { from: 'requested', to: 'overdue' } }],
      state: at('overdue', due),
      version: 2,
      effects: [],
      deadline: null,
    });
    expect(stepDeadline(shipment, at('moving'), { now: due, version: 3 })).toBeNull();
    expect(stepDeadline(account, { balance: 1 }, { now: due, version: 3 })).toBeNull();
  });

  test('goes where its rows say and nowhere else, and is folded to where it is', () => {
    const events = ['Requested', 'Packed', 'HandedOver', 'Delivered', 'Lost'] as const;
    const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      idle: { Requested: 'requested' },
      requested: { Packed: 'packed' },
      packed: { HandedOver: 'moving' },
      moving: { Delivered: 'delivered', Lost: 'requested' },
    };
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), (walk) => {
        let [state, place, version] = [initialOf(shipment), 'idle', 0];
        const log: StoredEvent[] = [];
        for (const name of walk) {
          const outcome = stepNamed(shipment, state, name, { carrier: 'x' }, contextOf({ version }));
          const to = rows[place]?.[name];
          expect(outcome.kind).toBe(to === undefined ? 'rejected' : 'decided');
          if (outcome.kind === 'rejected') continue;
          [state, place, version] = [outcome.state as typeof state, to ?? place, outcome.version];
          log.push(...outcome.events.map(({ type, data }) => stored(type, data)));
        }
        expect(state.at).toBe(place);
        expect(fold(shipment, initialOf(shipment), log)).toEqual(state);
      }),
    );
  });

  test('is folded from its events, their times and its deadlines among them', () => {
    const later = new Date('2026-11-25T00:00:00Z');
    const events = [stored('Requested', undefined), stored('TimedOut', { from: 'requested', to: 'overdue' }, 1, later)];
    expect(fold(shipment, initialOf(shipment), events)).toEqual(at('overdue', later));
    expect(() => fold(shipment, initialOf(shipment), [stored('Delivered', undefined)])).toThrow(/keep the transition/);
  });
});

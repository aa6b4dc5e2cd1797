/**
 * The machines of a small shop, for tests: an account of functions, an order with versions and a union state, a payslip that
 * sends, two machines that send to each other, a shipment that is a table. Its schemas check by hand, as no library is needed.
 */
import { fsm } from '../../src/machine/fsm.ts';
import { machine } from '../../src/machine/machine.ts';
import type { Queue } from '../../src/machine/part.ts';
import { reject } from '../../src/machine/rejection.ts';
import { nothing, unchecked, type Schema, type SchemaIssue } from '../../src/machine/schema.ts';
import { versions } from '../../src/machine/versions.ts';

/** A schema that reads `value` and answers what it makes of it, or what is wrong with it. */
export function schema<In, Out = In>(read: (value: In) => Out | readonly SchemaIssue[]): Schema<In, Out> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        const made = read(value as In);
        return Array.isArray(made) ? { issues: made as readonly SchemaIssue[] } : { value: made as Out };
      },
    },
  };
}

interface Amount {
  readonly amount: number;
}

export const positive: Schema<Amount> = schema<Amount>((value) =>
  value.amount > 0 ? value : [{ message: 'Too small: expected number to be >0', path: ['amount'] }],
);

export const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: positive, Withdraw: positive },
  events: { Deposited: unchecked<Amount>(), Withdrawn: unchecked<Amount>() },
  decide: {
    Deposit: (_account, { amount }, { event }) => [event('Deposited', { amount })],
    Withdraw: (account, { amount }, { event }) =>
      amount > account.balance
        ? reject('insufficient-funds', { missing: amount - account.balance })
        : [event('Withdrawn', { amount })],
  },
  evolve: {
    Deposited: (account, { amount }) => ({ balance: account.balance + amount }),
    Withdrawn: (account, { amount }) => ({ balance: account.balance - amount }),
  },
});

export type OrderState = { status: 'none' | 'placed' | 'paid' | 'canceled'; total: number };
export const emails: Queue<'emails', { to: string }, { to: string }> = { kind: 'queue', name: 'emails' };

export const order = machine({
  name: 'order',
  initial: (): OrderState => ({ status: 'none', total: 0 }),
  commands: {
    Place: unchecked<{ email: string; total: number }>(),
    MarkPaid: unchecked<{ paymentId: string }>(),
    Cancel: schema(({ reason = 'customer' }: { reason?: string }) => ({ reason })),
  },
  events: {
    Placed: versions(unchecked<{ total: number }>()).next(unchecked<{ total: number; currency: string }>(), (old) => ({
      ...old,
      currency: 'EUR',
    })),
    Paid: unchecked<{ paymentId: string }>(),
    Canceled: unchecked<{ reason: string }>(),
  },
  decide: {
    Place: (order, { email, total }, { event, push }) => {
      if (order.status !== 'none') return reject('already-placed', { status: order.status });
      push(emails, { to: email });
      return [event('Placed', { total, currency: 'EUR' })];
    },
    MarkPaid: (order, { paymentId }, { event }) =>
      order.status === 'placed' ? [event('Paid', { paymentId })] : reject('not-payable', { status: order.status }),
    Cancel: (order, { reason }, { event }) => (order.status === 'canceled' ? [] : [event('Canceled', { reason })]),
  },
  evolve: {
    Placed: (_order, { total }) => ({ status: 'placed', total }),
    Paid: (order) => ({ ...order, status: 'paid' }),
    Canceled: (order) => ({ ...order, status: 'canceled' }),
  },
});

export const payslip = machine({
  name: 'payslip',
  initial: () => ({ paid: false }),
  commands: { Pay: unchecked<Amount>() },
  events: { Paid: unchecked<Amount>() },
  decide: {
    Pay: (payslip, { amount }, { event, place, send, sendAfter }) => {
      if (payslip.paid) return [];
      send(account, place, 'Deposit', { amount });
      sendAfter('1h', account, place, 'Withdraw', { amount: 1 });
      return [event('Paid', { amount })];
    },
  },
  evolve: { Paid: () => ({ paid: true }) },
});

/** Each sends to the other: nothing that names another definition is in what `decide` returns, so there is no circle. */
export const ping = machine({
  name: 'ping',
  initial: () => ({ count: 0 }),
  commands: { Ping: nothing },
  events: { Pinged: nothing },
  decide: {
    Ping: (_ping, _nothing, { event, key, send }) => {
      send(pong, key, 'Pong');
      return [event('Pinged')];
    },
  },
  evolve: { Pinged: ({ count }) => ({ count: count + 1 }) },
});
export const pong = machine({
  name: 'pong',
  initial: () => ({ count: 0 }),
  commands: { Pong: nothing },
  events: { Ponged: nothing },
  decide: {
    Pong: (pong, _nothing, { event, key, send }) => {
      if (pong.count < 3) send(ping, key, 'Ping');
      return [event('Ponged')];
    },
  },
  evolve: { Ponged: ({ count }) => ({ count: count + 1 }) },
});

export const shipment = fsm({
  name: 'shipment',
  initial: 'idle',
  events: {
    Requested: nothing,
    Packed: nothing,
    HandedOver: unchecked<{ carrier: string }>(),
    Delivered: nothing,
    Lost: nothing,
  },
  states: {
    idle: { Requested: 'requested' },
    requested: { Packed: 'packed', after: { '2d': 'overdue' } },
    overdue: { Packed: 'packed' },
    packed: { HandedOver: 'moving' },
    moving: { Delivered: 'delivered', Lost: 'requested' },
    delivered: {},
  },
});

/**
 * The app of a chaos of machines: accounts that send each other money by message, lamps that go out by a deadline, rows
 * that commands keep up and rows that come behind them.
 */
import {
  defineApp,
  fsm,
  machine,
  nothing,
  projection,
  query,
  reject,
  unchecked,
  type App,
  type RecordedOf,
  type RowWriter,
} from 'lockstep';

type Amount = { amount: number };
type Transfer = Amount & { to: string };

/** What an account comes to: its state, and a row of each projection. */
export interface Sums {
  /** All of them: the stream's version. */
  readonly events: number;
  readonly deposited: number;
  readonly sent: number;
  readonly received: number;
}

export const noSums: Sums = { events: 0, deposited: 0, sent: 0, received: 0 };

type Flow = 'deposited' | 'sent' | 'received';
const plus = (sums: Sums, of: Flow, amount: number): Sums => ({
  ...sums,
  events: sums.events + 1,
  [of]: sums[of] + amount,
});

export const balanceOf = ({ deposited, sent, received }: Sums): number => deposited - sent + received;

export const account = machine({
  name: 'account',
  initial: (): Sums => noSums,
  commands: { Deposit: unchecked<Amount>(), Send: unchecked<Transfer>(), Receive: unchecked<Amount>() },
  events: { Deposited: unchecked<Amount>(), Sent: unchecked<Transfer>(), Received: unchecked<Amount>() },
  decide: {
    Deposit: (_state, data, { event }) => [event('Deposited', data)],
    Send: (state, data, { event, send }) => {
      if (data.amount > balanceOf(state)) return reject('insufficient-funds');
      send(account, data.to, 'Receive', { amount: data.amount });
      return [event('Sent', data)];
    },
    Receive: (_state, data, { event }) => [event('Received', data)],
  },
  evolve: {
    Deposited: (state, { amount }) => plus(state, 'deposited', amount),
    Sent: (state, { amount }) => plus(state, 'sent', amount),
    Received: (state, { amount }) => plus(state, 'received', amount),
  },
});

export const lamp = fsm({
  name: 'lamp',
  initial: 'off',
  events: { TurnOn: nothing },
  states: { off: { TurnOn: 'on' }, on: { TurnOn: 'on', after: { '200ms': 'off' } } },
});

export type BankEvent = RecordedOf<typeof account | typeof lamp>;

const rowsOf = <const Name extends string>(name: Name, update: 'inline' | 'async') => {
  const add = (key: string, of: Flow, amount: number, rows: RowWriter<Sums>): undefined =>
    rows.set(key, plus(rows.get(key) ?? noSums, of, amount));
  return projection({
    name,
    update,
    from: { account },
    row: unchecked<Sums>(),
    on: {
      account: {
        Deposited: ({ key, data }, rows) => add(key, 'deposited', data.amount, rows),
        Sent: ({ key, data }, rows) => add(key, 'sent', data.amount, rows),
        Received: ({ key, data }, rows) => add(key, 'received', data.amount, rows),
      },
    },
  });
};

const kept = rowsOf('kept', 'inline');
const behind = rowsOf('behind', 'async');

/** The row of an account in both. */
export const rowsQuery = query({
  name: 'rows',
  input: unchecked<string>(),
  reads: { kept, behind },
  at: (key) => key,
  run: (tables, key) => ({ kept: tables.kept.get(key) ?? noSums, behind: tables.behind.get(key) ?? noSums }),
});

export const bank: App<unknown> = defineApp({ name: 'bank', parts: [account, lamp, kept, behind, rowsQuery] });

export const partitionCount = 2;
export const accountKeys: readonly string[] = Array.from({ length: 24 }, (_, index) => `account-${index}`);
export const lampKeys: readonly string[] = Array.from({ length: 6 }, (_, index) => `lamp-${index}`);

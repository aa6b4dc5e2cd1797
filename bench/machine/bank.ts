/**
 * The app and the work of the machine's rows, the same for all sides: deposits of about 100 B of data to many accounts, each
 * decided on the account's state, appended, and put into the account's row by an inline projection.
 */
import { defineApp, type App } from '../../src/machine/app.ts';
import { machine } from '../../src/machine/machine.ts';
import { projection } from '../../src/machine/projection/projection.ts';
import { query } from '../../src/machine/projection/query.ts';
import { unchecked } from '../../src/machine/schema.ts';
import type { WorkDone } from '../harness.ts';
import { runLoad } from '../log/load.ts';

export interface Deposit {
  readonly amount: number;
  readonly reference: string;
}

/** With its names about 100 B, as JSON and as we store it. */
export const dataBytes = 100;
const reference = 'r'.repeat(dataBytes - '{"amount":1000,"reference":""}'.length);

export const accountName = (number: number): string => `account-${number}`;

export const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: unchecked<Deposit>() },
  events: { Deposited: unchecked<Deposit>() },
  decide: { Deposit: (_account, deposit, { event }) => [event('Deposited', deposit)] },
  evolve: { Deposited: ({ balance }, { amount }) => ({ balance: balance + amount }) },
});

const balances = projection({
  name: 'balances',
  from: { account },
  row: unchecked<{ balance: number; deposits: number }>(),
  on: {
    account: {
      Deposited: ({ key, data: { amount } }, rows) => {
        const { balance, deposits } = rows.get(key) ?? { balance: 0, deposits: 0 };
        rows.set(key, { balance: balance + amount, deposits: deposits + 1 });
      },
    },
  },
});

export const bank: App<object> = defineApp({ name: 'bank', parts: [account, balances] });

/** Events alone: of what a projection is made later. */
export const ledger: App<object> = defineApp({ name: 'bank', parts: [account] });

/** The same with a projection that no node has had, and what asks whether it is there. */
export function ledgerWithTotals(number: number) {
  const totals = projection({
    name: `totals-${number}`,
    from: { account },
    row: unchecked<{ sum: number; deposits: number }>(),
    on: {
      account: {
        Deposited: ({ key, data: { amount } }, rows) => {
          const { sum, deposits } = rows.get(key) ?? { sum: 0, deposits: 0 };
          rows.set(key, { sum: sum + amount, deposits: deposits + 1 });
        },
      },
    },
  });
  const total = query({
    name: 'total',
    input: unchecked<string>(),
    reads: { totals },
    at: (key) => key,
    run: (tables, key) => tables.totals.get(key)?.deposits ?? 0,
  });
  return { app: defineApp({ name: 'bank', parts: [account, totals, total] }), total };
}

export interface Work {
  readonly callers: number;
  readonly commands: number;
  /** How many there are; each was given to before. */
  readonly accounts: number;
}

/** Sends one and resolves when it is acknowledged. */
export type Give = (key: string, deposit: Deposit) => Promise<unknown>;

export class Deposits {
  readonly #work: Work;
  #begun = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  /** Each of them somewhere else than those before, so that no two of one account are on their way. */
  run(give: Give, onTold?: (count: number) => void): Promise<WorkDone> {
    const { callers, commands, accounts } = this.#work;
    let told = 0;
    return runLoad({ callers, entries: commands, entryBytes: dataBytes }, async () => {
      const number = this.#begun++;
      await give(accountName((number * stride) % accounts), { amount: number % 1_000, reference });
      onTold?.(++told);
    });
  }
}

/** A prime, so that all accounts have their turn. */
const stride = 7_919;

/** As many deposits to each account, in rounds. */
export async function fillAccounts(accounts: number, each: number, give: Give, callers = 256): Promise<void> {
  const load = { callers, entries: accounts * each, entryBytes: dataBytes };
  let begun = 0;
  await runLoad(load, () => {
    const number = begun++;
    return give(accountName(number % accounts), { amount: number % 1_000, reference });
  });
}

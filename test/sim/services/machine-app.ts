/** The app of the scenario `machine`, and the bugs that are planted in it or in who runs it. */
import type { Env } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { defineApp, type App } from '../../../src/machine/app.ts';
import { fsm } from '../../../src/machine/fsm.ts';
import { machine } from '../../../src/machine/machine.ts';
import type { AnyProjection } from '../../../src/machine/projection/projection.ts';
import { reject } from '../../../src/machine/rejection.ts';
import { nothing, unchecked } from '../../../src/machine/schema.ts';
import { bankProjections, projectionBugs, type ProjectionBug } from './machine-projections.ts';

/** `tag`: of one command of one client, so that its events can be told apart from all others. */
interface Tagged {
  readonly tag: string;
  readonly amount: number;
}

/** `isGift`: the only one of its place. */
interface Deposit extends Tagged {
  readonly isGift?: boolean;
}

interface Transfer extends Tagged {
  readonly to: string;
}

/** What is wrong with it, if anything. */
export interface MachineBug {
  /** `evolve` adds something of its own. */
  readonly drift?: (env: Env, event: 'Deposited' | 'Received') => number;
  readonly forgetsIds?: boolean;
  readonly forgetsExpectedVersions?: boolean;
  /** What a command sends leaves in a transaction of its own, a moment later. */
  readonly sendsLater?: boolean;
  /** Who follows goes on from now, not from where it was. */
  readonly followsFromNow?: boolean;
  /** What is read need not be the newest. */
  readonly readsWhatItHas?: boolean;
  /** What a subscription's acknowledgement sends leaves in a transaction of its own, behind it. */
  readonly acknowledgesApart?: boolean;
  /** Events of several partitions are given as they come. */
  readonly mergesAsTheyCome?: boolean;
  /** What must not have happened at all need not happen from now on. */
  readonly requiresFromNowOn?: boolean;
  /** Archived rows are gone a transaction before their chunk is there. */
  readonly archivesApart?: boolean;
  readonly projections?: ProjectionBug;
}

export const machineBugs: Readonly<Record<string, MachineBug>> = {
  'evolves-impurely': { drift: (env) => env.randomness.below(2) },
  // Nobody looks at what it changes: only folding again shows it.
  'evolves-by-the-clock': { drift: (env, event) => (event === 'Received' ? Math.floor(env.clock.wall()) % 2 : 0) },
  'runs-again-what-it-ran': { forgetsIds: true },
  'ignores-the-expected-version': { forgetsExpectedVersions: true },
  'sends-after-the-commit': { sendsLater: true },
  'follows-from-now-on': { followsFromNow: true },
  'reads-what-it-has': { readsWhatItHas: true },
  'acknowledges-before-it-sends': { acknowledgesApart: true },
  'merges-as-they-come': { mergesAsTheyCome: true },
  'requires-none-from-now-on': { requiresFromNowOn: true },
  'archives-in-two-transactions': { archivesApart: true },
  ...Object.fromEntries(Object.entries(projectionBugs).map(([name, bug]) => [name, { projections: bug }])),
};

/** Of the one deposit of its place that is a gift. */
export const giftTag = 'gift';

export interface Bank {
  readonly app: App<unknown>;
  readonly account: ReturnType<typeof accountOf>;
  readonly lamp: typeof lamp;
  readonly audit: typeof audit;
  readonly projections: readonly AnyProjection[];
}

/** Of each account, what a subscription was given of it. */
const audit = machine({
  name: 'audit',
  initial: () => ({ noted: 0 }),
  commands: { Note: unchecked<{ readonly of: string }>() },
  events: { Noted: unchecked<{ readonly of: string }>() },
  decide: { Note: (_audit, note, { event }) => [event('Noted', note)] },
  evolve: { Noted: ({ noted }) => ({ noted: noted + 1 }) },
});

/** Ends by itself, and is archived then, so that both are among what is crashed through. */
const lamp = fsm({
  name: 'lamp',
  initial: 'off',
  events: { TurnOn: nothing, TurnOff: nothing },
  states: { off: { TurnOn: 'on' }, on: { TurnOff: 'off', after: { '300ms': 'off' } } },
  archive: { when: ({ at }) => at === 'off', after: '200ms' },
});

export function bankOf(world: World, env: Env, bug: MachineBug): Bank {
  const account = accountOf(env, bug);
  const projections = bankProjections(world, account, bug.projections ?? {});
  const app = defineApp({ name: 'bank', parts: [account, lamp, audit, ...projections] });
  return { app, account, lamp, audit, projections };
}

function accountOf(env: Env, { drift, sendsLater = false }: MachineBug) {
  const account = machine({
    name: 'account',
    initial: () => ({ balance: 0 }),
    commands: { Deposit: unchecked<Deposit>(), Transfer: unchecked<Transfer>(), Receive: unchecked<Tagged>() },
    events: { Deposited: unchecked<Deposit>(), Sent: unchecked<Transfer>(), Received: unchecked<Tagged>() },
    decide: {
      Deposit: (_state, command, { event }) => [event('Deposited', command)],
      Transfer: (state, command, { event, send, sendAfter }) => {
        const { to, ...received } = command;
        if (command.amount > state.balance) return reject('insufficient-funds');
        if (!sendsLater && command.amount % 2 === 0) send(account, to, 'Receive', received);
        if (!sendsLater && command.amount % 2 === 1) sendAfter('100ms', account, to, 'Receive', received);
        return [event('Sent', command)];
      },
      Receive: (_state, command, { event }) => [event('Received', command)],
    },
    evolve: {
      Deposited: ({ balance }, { amount }) => ({ balance: balance + amount + (drift?.(env, 'Deposited') ?? 0) }),
      Sent: ({ balance }, { amount }) => ({ balance: balance - amount }),
      Received: ({ balance }, { amount }) => ({ balance: balance + amount + (drift?.(env, 'Received') ?? 0) }),
    },
    tags: { Deposited: ({ isGift }) => (isGift === true ? [giftTag] : []) },
  });
  return account;
}

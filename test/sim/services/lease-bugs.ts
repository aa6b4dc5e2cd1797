/** What is planted in a leader, a store or a holder to test the scenario `leases`. */
import type { Clock, WallTime } from 'lockstep/env';
import type { Env } from 'lockstep/sim';
import { hybridOf, type HybridTimestamp } from '../../../src/clock/timestamp.ts';
import { instant } from '../../../src/kernel/time.ts';
import type { LeaseAccess } from '../../../src/partition/lease/lease-access.ts';
import type { PartitionSettings } from '../../../src/partition/options.ts';
import type { Leading, Space, Transaction } from '../../../src/partition/transaction.ts';
import type { HolderPorts } from '../../../src/partition/lease/lease-holder.ts';

export interface LeaseBug {
  /** What the services see of each transaction. */
  readonly leaseTx?: (tx: Transaction, clock: Clock) => Transaction;
  readonly timerTx?: (tx: Transaction) => Transaction;
  readonly leaseLeading?: (leading: Leading) => Partial<Leading>;
  readonly timerLeading?: (leading: Leading) => Partial<Leading>;
  readonly holderPorts?: (env: Env) => HolderPorts;
  readonly access?: (access: LeaseAccess) => LeaseAccess;
  readonly settings?: Partial<PartitionSettings>;
  /** A write under a lease is taken whatever its token. */
  readonly forgetsToRequire?: boolean;
}

/** A clock that measures intervals by the time of day. */
const byTheWall = (clock: Clock): Clock => ({
  now: () => instant(Math.max(0, clock.wall())),
  wall: (): WallTime => clock.wall(),
});

const timeOfDay = (tx: Transaction, clock: Clock): HybridTimestamp =>
  Math.max(tx.now, hybridOf({ wall: clock.wall(), counter: 0 }) ?? 0) as HybridTimestamp;

function withSpace(tx: Transaction, change: (space: Space) => Partial<Space>, now = tx.now): Transaction {
  const changed = (space: Space): Space => ({
    get: (key) => space.get(key),
    range: (options) => space.range(options),
    walk: (options) => space.walk(options),
    set: (key, value) => space.set(key, value),
    setEncoded: (key, value) => space.setEncoded(key, value),
    delete: (key) => space.delete(key),
    deleteRange: (range) => space.deleteRange(range),
    ...change(space),
  });
  return {
    place: tx.place,
    now,
    get revision() {
      return tx.revision;
    },
    get: (key) => tx.get(key),
    range: (options) => tx.range(options),
    walk: (options) => tx.walk(options),
    set: (key, value) => tx.set(key, value),
    setEncoded: (key, value) => tx.setEncoded(key, value),
    encoded: (value) => tx.encoded(value),
    delete: (key) => tx.delete(key),
    deleteRange: (range) => tx.deleteRange(range),
    local: tx.local,
    at: (key) => tx.at(key),
    send: (to, message) => tx.send(to, message),
    checkMessage: (to, message) => tx.checkMessage(to, message),
    note: (topic, note) => tx.note(topic, note),
    system: (name, of) => changed(tx.system(name, of)),
    systemAt: (name, place) => tx.systemAt(name, place),
    tokenAt: (revision) => tx.tokenAt(revision),
  };
}

export const leaseBugs: Readonly<Record<string, () => LeaseBug>> = {
  /** A number that begins anew once nobody holds the lease. */
  'reuses-tokens-after-release': () => ({
    leaseTx: (tx) =>
      withSpace(tx, (space) => ({
        set: (key, value) => {
          const held = value as { readonly owner?: string };
          if (key[0] !== 'lease') return space.set(key, value);
          if (held.owner === undefined) return space.delete(key);
          const before = space.get(key) as { readonly id: string; readonly token: number } | undefined;
          const isSame = before !== undefined && before.id === (value as { readonly id: string }).id;
          space.set(key, { ...(value as object), token: isSame ? before.token : (before?.token ?? 0) + 1 });
        },
      })),
  }),
  'gives-to-the-last-who-asked': () => ({
    leaseTx: (tx) => withSpace(tx, (space) => ({ range: (options) => space.range({ ...options, reverse: true }) })),
  }),
  /** How long a holder was silent, and until when a lease is good: the service asks both, so both have to be wrong. */
  'leader-counts-by-the-wall-clock': () => ({
    leaseTx: (tx, clock) => withSpace(tx, () => ({}), timeOfDay(tx, clock)),
    leaseLeading: ({ ports }) => ({ ports: { ...ports, clock: byTheWall(ports.clock) } }),
  }),
  'holder-counts-by-the-wall-clock': () => ({
    holderPorts: ({ clock, timers, randomness }) => ({ clock: byTheWall(clock), timers, randomness }),
  }),
  'takes-an-old-grant-for-a-new-one': () => ({
    access: (access) => ({
      ...access,
      claim: async (claim, signal) => {
        const answer = await access.claim(claim, signal);
        return answer.kind === 'granted' ? { ...answer, waited: false } : answer;
      },
    }),
  }),
  'forgets-to-require-the-token': () => ({ forgetsToRequire: true }),
  'fires-again-after-a-failover': () => ({
    timerTx: (tx) =>
      withSpace(tx, (space) => ({ delete: (key) => (key[0] === 'due' ? undefined : space.delete(key)) })),
  }),
  'does-not-hear-of-new-timers': () => ({ timerLeading: () => ({ onNote: () => {} }) }),
  /** A time of day that is set an hour ahead takes partition time with it. */
  'trusts-a-jump': () => ({ settings: { driftMsMax: 2 * 3_600_000 } }),
  /** By an hour: that of a place whose clock is wrong. */
  'fires-by-its-own-idea-of-time': () => ({
    timerLeading: (leading) => ({ now: () => (leading.now() + 400 * 4_096) as never }),
    timerTx: (tx) => withSpace(tx, () => ({}), (tx.now + 400 * 4_096) as never),
  }),
};

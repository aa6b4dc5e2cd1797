/**
 * Looks over the shoulder of whoever runs transactions of leases and timers: what each did to the state is compared with
 * what it may do. It keeps its own notes in the state, so that they are rolled back with what they are about.
 */
import type { World } from 'lockstep/sim';
import { hybridWall } from '../../../src/clock/timestamp.ts';
import { leaseSystem } from '../../../src/partition/lease/lease-state.ts';
import type {
  EpochServiceMaker,
  Leading,
  Synchronous,
  Transact,
  Transaction,
  TransactOptions,
  TransactOutcome,
} from '../../../src/partition/transaction.ts';

/** A service whose leading is another. */
export const withLeading =
  (make: EpochServiceMaker, change: (leading: Leading) => Partial<Leading>): EpochServiceMaker =>
  () => {
    const service = make();
    return {
      start: (leading) => service.start({ ...pick(leading), ...change(leading) }),
      stop: () => service.stop(),
    };
  };

const pick = (leading: Leading): Leading => ({
  name: leading.name,
  epoch: leading.epoch,
  ports: leading.ports,
  waits: leading.waits,
  signal: leading.signal,
  transact: leading.transact,
  now: () => leading.now(),
  reader: leading.reader,
  fail: (error) => leading.fail(error),
  onCommit: (listener) => leading.onCommit(listener),
  onNote: (topic, listener) => leading.onNote(topic, listener),
});

/** What the bound allows for: clocks of other speeds, a time of day that is a little off, and counting up. */
const rateMax = 1.5;
const offMsMax = 1_500;

/** Within an epoch partition time goes on as the world's does, wherever somebody sets a clock. Made anew for each epoch. */
export function auditTime(world: World): (tx: Transaction) => void {
  let first: { readonly partitionMs: number; readonly worldMs: number } | null = null;
  return (tx) => {
    const partitionMs = hybridWall(tx.now);
    first ??= { partitionMs, worldMs: world.nowMs };
    const [passedMs, worldMs] = [partitionMs - first.partitionMs, world.nowMs - first.worldMs];
    if (passedMs > worldMs * rateMax + offMsMax)
      world.fail(`in one epoch partition time went on by ${passedMs} ms within ${Math.round(worldMs)} ms`);
  };
}

/** Runs each transaction's function in the one that `change` makes of the true one, and `audit` around it. */
export function withTransactions(
  leading: Leading,
  around: <T>(tx: Transaction, run: (tx: Transaction) => T) => T,
): Transact {
  return <T>(
    place: string | null,
    fn: (tx: Transaction) => Synchronous<T>,
    options?: TransactOptions,
  ): Promise<TransactOutcome<T>> => leading.transact<T>(place, (tx) => around(tx, fn), options);
}

interface Seen {
  readonly id: string | null;
  readonly token: number;
  readonly waiters: readonly { readonly id: string; readonly giveUpMs: number }[];
}

/** What a transaction did to the leases of its place. */
export function auditLeases<T>(world: World, tx: Transaction, run: (tx: Transaction) => T): T {
  const before = new Map(names.map((name) => [name, seen(tx, name)]));
  const value = run(tx);
  for (const name of names) {
    const [was, is] = [before.get(name) as Seen, seen(tx, name)];
    for (const { id } of is.waiters)
      if (tx.local.get(['asked', name, id]) === undefined) tx.local.set(['asked', name, id], tx.now);
    const asked = new Map(was.waiters.map(({ id }) => [id, tx.local.get(['asked', name, id]) as number]));
    // Whoever left the line and comes back is behind all who stayed.
    for (const { id } of was.waiters) if (!isWaiting(is, id)) tx.local.delete(['asked', name, id]);
    if (is.id === null || (is.id === was.id && is.token === was.token)) continue;
    const last = (tx.local.get(['token', name]) as number | undefined) ?? 0;
    if (is.token <= last) world.fail(`${name} is held with token ${is.token}, after one with ${last}`);
    tx.local.set(['token', name], is.token);
    const next = was.waiters
      .filter(({ giveUpMs, id }) => giveUpMs > hybridWall(tx.now) && (id === is.id || isWaiting(is, id)))
      .toSorted((a, b) => (asked.get(a.id) ?? 0) - (asked.get(b.id) ?? 0))[0];
    if (next !== undefined && next.id !== is.id) world.fail(`${name} went to ${is.id}, before it was its turn`);
  }
  return value;
}

const names = ['lock', 'gate'] as const;
const isWaiting = (seen: Seen, id: string): boolean => seen.waiters.some((waiter) => waiter.id === id);

function seen(tx: Transaction, name: string): Seen {
  const space = tx.system(leaseSystem, tx.place === null ? 'local' : 'place');
  const held = space.get(['lease', name]) as { readonly id?: string; readonly token?: number } | undefined;
  const waiters = [...space.range({ prefix: ['wait', name] })].map(
    ([, value]) => value as unknown as Seen['waiters'][0],
  );
  return { id: held?.id ?? null, token: held?.token ?? 0, waiters };
}

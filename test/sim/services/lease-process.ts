/** A contender of the scenario `leases`: a partition with leases and timers, and whoever asks for them over the network. */
import type { Env, NodeAddress } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { hybridWall } from '../../../src/clock/timestamp.ts';
import type { LogEngine } from '../../../src/log/port.ts';
import { openPartition } from '../../../src/partition/open-partition.ts';
import type { Partition } from '../../../src/partition/partition.ts';
import type { PlacedClaim, PlacedLease } from '../../../src/partition/lease/lease-access.ts';
import { leaseService, type LeaseService } from '../../../src/partition/lease/lease-service.ts';
import { requireLease } from '../../../src/partition/lease/lease.ts';
import { timerService, type TimerHandler } from '../../../src/partition/timer/timer-service.ts';
import { cancelTimer, deadTimers, setTimer } from '../../../src/partition/timer/timer.ts';
import type { Transaction } from '../../../src/partition/transaction.ts';
import { answerCalls, type Plain } from '../../../src/sim/cluster/calls.ts';
import { auditLeases, auditTime, withLeading, withTransactions } from './lease-audit.ts';
import type { LeaseBug } from './lease-bugs.ts';
import { openedLog } from './opened-log.ts';

export type LeaseRequest =
  | { readonly kind: 'claim'; readonly claim: PlacedClaim }
  | { readonly kind: 'renew' | 'release'; readonly lease: PlacedLease }
  | { readonly kind: 'give-up'; readonly claim: Pick<PlacedClaim, 'place' | 'name' | 'id'> }
  | { readonly kind: 'write'; readonly lease: PlacedLease; readonly by: string }
  | { readonly kind: 'timer'; readonly place: string; readonly name: string; readonly id: string; readonly do: TimerDo }
  | { readonly kind: 'pending' };
export type TimerDo =
  | { readonly kind: 'set'; readonly afterMs: number; readonly failures: number }
  | { readonly kind: 'cancel' };

export interface LeaseContender {
  readonly name: string;
  readonly address: NodeAddress;
  readonly engine: (env: Env) => LogEngine;
  readonly payloadBytesMax: number;
  readonly bug: LeaseBug;
}

export async function contendForLeases(world: World, env: Env, setup: LeaseContender): Promise<never> {
  const { name, address, payloadBytesMax, bug } = setup;
  const engine = setup.engine(env);
  const log = await openedLog(env, engine);
  const leases = leaseService();
  /** What time a transaction truly has, whatever is planted. */
  const truth = { nowMs: 0 };
  const timers = timerService({
    handlers: { effect: effectHandler(world, truth), tick: tickHandler(world) },
    settings: { attemptsMax: 4, backoffMs: 50, nearCountMax: 6, inFlightMax: 4 },
  });
  const partition = await openPartition(env, {
    log,
    payloadBytesMax,
    directory: `state-${name}`,
    owner: name,
    trims: false,
    services: [
      withLeading(timers, (leading) => {
        const audit = auditTime(world);
        return {
          ...bug.timerLeading?.(leading),
          transact: withTransactions(leading, (tx, run) => {
            audit(tx);
            truth.nowMs = hybridWall(tx.now);
            return run(bug.timerTx?.(tx) ?? tx);
          }),
        };
      }),
      withLeading(leases.epochs, (leading) => {
        const audit = auditTime(world);
        return {
          ...bug.leaseLeading?.(leading),
          transact: withTransactions(leading, (tx, run) => {
            audit(tx);
            return auditLeases(world, tx, () => run(bug.leaseTx?.(tx, env.clock) ?? tx));
          }),
        };
      }),
    ],
    settings: { withinMs: 4_000, clockWaitMsMax: 300, standPauseMsMax: 200, groupBytesMax: 2_000, ...bug.settings },
    tree: { memtableBytes: 8_000, blockBytes: 512, tableBytes: 16_000, cacheBytes: 16_000, levelOneBytes: 64_000 },
  });
  const serving = answerCalls(env, address, (request) =>
    answer(partition, leases, request as unknown as LeaseRequest, bug),
  );
  const failure = await Promise.race([partition.stopped, serving]);
  await partition.close();
  await engine.close();
  throw failure ?? new Error('nobody closed it');
}

/** Each timer has its effect once, not before its time, and not after it was cancelled. */
const effectHandler =
  (world: World, truth: { readonly nowMs: number }): TimerHandler =>
  (tx, { name, failures }) => {
    const set = tx.local.get(['set', name]) as { readonly dueMs: number; readonly failures: number } | undefined;
    if (set === undefined) return world.fail(`timer ${name} fires, and is not set`);
    if (tx.local.get(['effect', name]) !== undefined) return world.fail(`timer ${name} fires twice`);
    if (truth.nowMs < set.dueMs) return world.fail(`timer ${name} fires ${set.dueMs - truth.nowMs} ms early`);
    tx.local.set(['effect', name], truth.nowMs);
    if (failures < set.failures) throw new Error(`${name} is out of order`);
  };

const tickHandler =
  (world: World): TimerHandler =>
  (tx, { due }) => {
    const last = (tx.local.get(['tick']) as number | undefined) ?? 0;
    if (due.getTime() <= last) world.fail('a repeating timer fires twice for one time');
    tx.local.set(['tick'], due.getTime());
  };

async function answer(
  partition: Partition,
  leases: LeaseService,
  request: LeaseRequest,
  bug: LeaseBug,
): Promise<Plain> {
  try {
    return JSON.parse(JSON.stringify(await answerTo(partition, leases, request, bug))) as Plain;
  } catch (error) {
    if (!isLockstepError(error)) throw error;
    if (!error.retry && error.kind !== 'stopped' && error.kind !== 'disk-failed') throw error;
    return { kind: error.happened === 'unknown' ? 'unknown' : 'unavailable' };
  }
}

async function answerTo(
  partition: Partition,
  leases: LeaseService,
  request: LeaseRequest,
  bug: LeaseBug,
): Promise<unknown> {
  switch (request.kind) {
    case 'claim':
      return leases.claim(request.claim);
    case 'renew':
      return leases.renew(request.lease);
    case 'release':
      return leases.release(request.lease);
    case 'give-up':
      return leases.giveUp(request.claim);
    case 'write':
      return partition.transact(request.lease.place, (tx) => write(tx, request.lease, request.by, bug));
    case 'timer':
      return partition.transact(request.place, (tx) => changeTimer(tx, request), { commandId: request.id });
    case 'pending':
      return partition.transact(null, (tx) => pending(tx));
  }
}

/** Tokens of one lease never go back in what is written under it. */
function write(tx: Transaction, lease: PlacedLease, by: string, bug: LeaseBug): unknown {
  const fenced = bug.forgetsToRequire === true ? null : requireLease(tx, lease);
  if (fenced !== null) return fenced;
  const last = (tx.get(['written', lease.name]) as { readonly token: number } | undefined)?.token ?? 0;
  tx.set(['written', lease.name], { token: lease.token, by });
  return lease.token < last ? 'out of order' : 'in order';
}

function changeTimer(tx: Transaction, request: Extract<LeaseRequest, { readonly kind: 'timer' }>): string {
  const { name, do: change } = request;
  const about = { kind: 'effect', name };
  if (tx.local.get(['effect', name]) !== undefined) return 'fired';
  if (change.kind === 'cancel') {
    tx.local.delete(['set', name]);
    return cancelTimer(tx, about);
  }
  if (name === 'tick') {
    setTimer(tx, { kind: 'tick', name, cron: '* * * * *' });
    return 'set';
  }
  const { kind, due } = setTimer(tx, { ...about, after: `${change.afterMs}ms` });
  tx.local.set(['set', name], { dueMs: due.getTime(), failures: change.failures });
  return kind;
}

/** How many that were set have had no effect, and how many died. */
function pending(tx: Transaction): { readonly count: number; readonly dead: number } {
  let count = 0;
  for (const [[, name]] of tx.local.range({ prefix: ['set'] }))
    if (typeof name === 'string' && tx.local.get(['effect', name]) === undefined) count++;
  const reader = { system: (name: string) => tx.system(name, 'local') };
  return { count, dead: [...deadTimers(reader)].length };
}

/** The line of numbers that `npm start` prints every few seconds: how many orders come, where all of them stand, what waits. */
import type { RemoteConnection } from 'lockstep';
import { orderCounts } from './views.ts';

export interface Numbers {
  readonly at: Date;
  readonly orders: number;
  /** Each status that some orders have, with how many. */
  readonly statuses: readonly string[];
  readonly waits: readonly string[];
}

const waitsMax = 3;
/** What waits for less is under way. */
const waitMsMin = 1_000;

/** @throws LockstepError what the connection throws. */
export async function readNumbers(shop: RemoteConnection): Promise<Numbers> {
  const [{ value: counts }, waits] = await Promise.all([shop.query(orderCounts, null), shop.explain()]);
  const at = new Date();
  return {
    at,
    orders: counts.reduce((sum, { count }) => sum + count, 0),
    statuses: counts.filter(({ count }) => count > 0).map(({ status, count }) => `${count} ${status}`),
    // Not the deadlines of machines, which wait for their time, nor what comes and goes with each command.
    waits: waits
      .filter(({ what, since }) => what !== 'timer' && at.getTime() - since.getTime() > waitMsMin)
      .map(({ what, key, waitsFor }) => `${what} ${key} for ${waitsFor}`),
  };
}

export function printNumbers(before: Numbers, now: Numbers): string {
  const perSecond = ((now.orders - before.orders) / (now.at.getTime() - before.at.getTime())) * 1_000;
  const { length } = now.waits;
  const more = length > waitsMax ? [`${length - waitsMax} more`] : [];
  const waits = length === 0 ? 'nothing waits' : `waits: ${[...now.waits.slice(0, waitsMax), ...more].join('; ')}`;
  const time = now.at.toISOString().slice(11, 19);
  const orders = now.orders === 0 ? 'no orders yet' : `${now.orders}: ${now.statuses.join(', ')}`;
  return [`  ${time}     ${perSecond.toFixed(1)} orders/s`, orders, waits].join(' · ');
}

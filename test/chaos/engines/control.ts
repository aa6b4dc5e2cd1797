/**
 * The raw control of a chaos: the engine's own client under the same faults, numbered messages one after another on a
 * few lanes, and a journal of what the engine acknowledged. What of that is missing at the end the engine lost by
 * itself, and nobody here can do anything about it.
 */
import { Journal, microseconds } from './journal.ts';
import { type Lane, rawClient } from './raw-client.ts';
import { orderGiven, sleep } from './log-process.ts';

const order = orderGiven();
const journal = new Journal(order.journal);
const laneCount = 4;
let number = 0;

async function run(lane: Lane): Promise<never> {
  for (;;) {
    const own = ++number;
    journal.write({ kind: 'tries', number: own, epoch: 1, at: microseconds() });
    const outcome = await lane.put(`${order.name}:${own}`);
    const at = microseconds();
    if (outcome === 'acknowledged') journal.write({ kind: 'acknowledged', number: own, position: 0, at });
    else journal.write({ kind: 'unknown', number: own, at });
    await sleep(outcome === 'acknowledged' ? 2 : 50);
  }
}

process.once('SIGTERM', () => process.exit(0));
const client = rawClient(order.address);
await Promise.all(Array.from({ length: laneCount }, () => run(client.lane())));

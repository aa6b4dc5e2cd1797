/**
 * The part of a chaos' processes that writers and readers share: the order they were given, the log that they open, and
 * the end they are asked for by SIGTERM.
 */
import { LockstepError } from '../../../src/kernel/errors.ts';
import type { Log, LogEngine } from '../../../src/log/port.ts';
import { isPassing } from '../../../src/log/within.ts';
import { openHostEnv } from '../../../src/os/env.ts';
import { Journal } from './journal.ts';
import { type Address, sourceOf } from './sources.ts';

/** What the parent tells a process, as JSON in its one argument. */
export interface Order {
  readonly name: string;
  readonly address: Address;
  readonly journal: string;
  readonly seed: string;
}

export const logName = 'chaos';

export const orderGiven = (): Order => JSON.parse(process.argv[2] ?? '') as Order;

/** Aborted when the parent asks for the end. */
export function endSignal(): AbortSignal {
  const end = new AbortController();
  process.once('SIGTERM', () => end.abort(new LockstepError('stopped', 'asked to end')));
  return end.signal;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Until it succeeds: a server may be down for a while, and a process must not end for that. */
export async function openChaosLog({ address }: Order, end: AbortSignal): Promise<{ log: Log; engine: LogEngine }> {
  const env = await openHostEnv();
  for (;;) {
    end.throwIfAborted();
    const engine = await untilOpen(() => sourceOf(address).open(env));
    const log = engine === null ? null : await untilOpen(() => engine.open(logName, { create: true }));
    if (log !== null && engine !== null) return { log, engine };
    await engine?.close();
    await sleep(100);
  }
}

async function untilOpen<T>(open: () => Promise<T>): Promise<T | null> {
  try {
    return await open();
  } catch (error) {
    if (!isPassing(error)) throw error;
    return null;
  }
}

/** Runs until it ends or is asked to; whatever else happens is in the journal, and the process ends with 1. */
export async function runJournaled(
  order: Order,
  work: (journal: Journal, end: AbortSignal) => Promise<void>,
): Promise<void> {
  const journal = new Journal(order.journal);
  const end = endSignal();
  const fail = (error: unknown): void => {
    if (end.aborted && error === end.reason) process.exit(0);
    journal.write({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exit(1);
  };
  process.on('uncaughtException', fail); // unhandled rejections come here, too
  try {
    await work(journal, end);
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}

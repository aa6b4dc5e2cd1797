/** A partition over a log in memory, in a calm simulated world: for tests of what acts in one. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect } from 'vitest';
import { memoryEngine } from '../../src/log/memory.ts';
import type { Log, LogWriter } from '../../src/log/port.ts';
import { openPartition, type PartitionOptions } from '../../src/partition/open-partition.ts';
import type { Partition } from '../../src/partition/partition.ts';
import type { Synchronous, Transaction } from '../../src/partition/transaction.ts';

const config = { silenceMs: 300, pauseMsMax: 100, attemptMsMax: 400, settleMsMax: 3_000 };

export async function inWorld(play: (env: Env, log: Log) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config });
      const log = (await engine.open('log', { create: true })) ?? expect.unreachable();
      await play(env, log);
      await engine.close();
    });
  });
}

export async function led(env: Env, log: Log, options: Partial<PartitionOptions> = {}): Promise<Partition> {
  const defaults = { log, payloadBytesMax: 1024 * 1024, directory: 'state', owner: 'node' };
  const partition = await openPartition(env, { ...defaults, ...options });
  await partition.leading();
  return partition;
}

/** What the transaction gave, which must have been committed. */
export async function committed<T>(
  partition: Partition,
  place: string | null,
  fn: (tx: Transaction) => Synchronous<T>,
): Promise<unknown> {
  const outcome = await partition.transact(place, fn);
  return outcome.kind === 'committed' ? outcome.value : expect.unreachable(outcome.kind);
}

type Append = LogWriter['append'];

/** The same log, whose writers append as `how` has them: it is given what would append now. */
export function withAppends(log: Log, how: (append: () => ReturnType<Append>) => ReturnType<Append>): Log {
  return withOwn(log, {
    acquire: async (options) => {
      const writer = await log.acquire(options);
      return withOwn(writer, { append: (entry) => how(() => writer.append(entry)) });
    },
  });
}

function withOwn<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get: (of, name) => {
      const value: unknown = Reflect.get(Object.hasOwn(own, name) ? own : of, name, of);
      return typeof value === 'function' ? (value.bind(of) as unknown) : value;
    },
  });
}

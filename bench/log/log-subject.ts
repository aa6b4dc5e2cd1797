/** A log behind a gatherer, as partitions use it: several entries in every record. */
import { beforeFirst } from '../../src/log/coordinates.ts';
import type { Log, LogEngine } from '../../src/log/port.ts';
import { type HostEnv, openHostEnv } from '../../src/os/env.ts';
import type { Durability } from '../harness.ts';
import { Gatherer, readGathered } from './gatherer.ts';
import type { Keeper, Reopened } from './sides.ts';

/** A group is closed at this size at the latest, if the engine takes that much. */
const groupBytesMax = 2 * 1_024 * 1_024;
const logName = 'bench';

export function logSubject(
  name: string,
  durability: Durability,
  engineOver: (host: HostEnv) => LogEngine | Promise<LogEngine>,
): Reopened {
  return {
    name,
    durability,
    open: async (folder) => {
      const host = await openHostEnv({ data: folder });
      return keeperOf(host, await engineOver(host));
    },
    reopen: async (folder) => {
      const host = await openHostEnv({ data: folder });
      const engine = await engineOver(host);
      const log = await openLog(engine);
      return { end: () => log.tail(), close: () => closeAll(log, engine, host) };
    },
  };
}

async function openLog(engine: LogEngine): Promise<Log> {
  const log = await engine.open(logName, { create: true });
  if (log === null) throw new Error('a log that may be made is there');
  return log;
}

async function keeperOf(host: HostEnv, engine: LogEngine): Promise<Keeper> {
  const log = await openLog(engine);
  const writer = await log.acquire({ owner: 'bench' });
  const gatherer = new Gatherer(writer, Math.min(groupBytesMax, engine.guarantees.payloadBytesMax));
  return {
    append: (entry) => gatherer.append(entry),
    readAll: () => readLog(log),
    trim: async () => void (await log.trim(await log.tail())),
    end: () => log.tail(),
    close: async () => {
      await writer.release();
      await closeAll(log, engine, host);
    },
  };
}

async function closeAll(log: Log, engine: LogEngine, host: HostEnv): Promise<void> {
  await log.close();
  await engine.close();
  await host.close();
}

async function readLog(log: Log): Promise<{ readonly entries: number; readonly sum: number }> {
  const last = await log.tail();
  let [entries, sum] = [0, 0];
  for await (const batch of log.read(beforeFirst)) {
    if (batch.kind !== 'records') throw new Error(`the log of a benchmark is '${batch.kind}'`);
    for (const record of batch.records) {
      if (record.sequence === 0) continue; // a claim
      const found = readGathered(record.payload);
      entries += found.entries;
      sum += found.sum;
    }
    if (batch.records.at(-1)?.position === last) break;
  }
  return { entries, sum };
}

/** Our log on each engine, as a partition uses it: callers that come while an append is under way go into the next record. */
import { connect } from '@nats-io/transport-node';
import { nats } from '../../src/log/nats.ts';
import { postgres } from '../../src/log/postgres.ts';
import type { Log, LogEngine, LogWriter } from '../../src/log/port.ts';
import { unreachable } from '../../src/kernel/assert.ts';
import { memoryEngine } from '../../src/log/memory.ts';
import { type HostEnv, openHostEnv } from '../../src/os/env.ts';
import type { Durability, Prepared, Side, WorkDone } from '../harness.ts';
import { Gatherer } from '../log/gatherer.ts';
import { type Load, runLoad } from '../log/load.ts';
import { leaderOf, patiently } from './raw-nats.ts';
import { type NatsCopies, natsServers, postgresServer } from './servers.ts';

/** An engine of ours on servers of its own; `where` is what a reader in another process opens. */
export interface Ground {
  readonly name: string;
  readonly durability: Durability;
  /** Said by each side that will open it, before any of them does. */
  expect(): void;
  open(): Promise<Opened>;
}

export interface Opened {
  readonly where: Where;
  close(): Promise<void>;
}

/** Plain data: it is handed to another process. */
export type Where =
  | { readonly engine: 'memory' }
  | { readonly engine: 'nats'; readonly servers: readonly string[] }
  | { readonly engine: 'postgres'; readonly url: string };

export const logName = 'bench';
const groupBytesMax = 1_024 * 1_024;

function engineAt(where: Where, host: HostEnv): Promise<LogEngine> {
  switch (where.engine) {
    case 'memory':
      return Promise.resolve(memoryEngine(host, { bytesMax: 1_024 * 1_024 * 1_024 }));
    case 'nats':
      return nats({ servers: where.servers, connect: { ignoreClusterUpdates: true } }).open(host);
    case 'postgres':
      return postgres({ connection: where.url, migrate: 'apply' }).open(host);
    default:
      return unreachable(where);
  }
}

/** What our side of the work costs without a server. */
export const oursInMemory: Ground = {
  name: 'ours in memory',
  durability: 'none',
  expect: () => {},
  open: () => Promise.resolve({ where: { engine: 'memory' }, close: () => Promise.resolve() }),
};

export const oursOnNats = (copies: NatsCopies): Ground => ({
  name: `ours on JetStream R${copies}`,
  durability: 'process',
  expect: () => natsServers[copies].expect(),
  open: async () => {
    const { servers } = await natsServers[copies].take();
    await made({ engine: 'nats', servers });
    const admin = await connect({ servers: [...servers] });
    const where: Where = { engine: 'nats', servers: [await leaderOf(admin, `lockstep=${logName}`, servers)] };
    await admin.close();
    return { where, close: () => natsServers[copies].leave() };
  },
});

export const oursOnPostgres: Ground = {
  name: 'ours on PostgreSQL',
  durability: 'machine',
  expect: () => postgresServer.expect(),
  open: async () => {
    const { url } = await postgresServer.take();
    const where: Where = { engine: 'postgres', url };
    await made(where);
    return { where, close: () => postgresServer.leave() };
  },
};

/** The log is there, before anybody is measured. */
const made = (where: Where): Promise<void> =>
  patiently(async () => {
    const bench = await openLog(where);
    await bench.close();
  });

export interface BenchLog {
  readonly log: Log;
  readonly engine: LogEngine;
  close(): Promise<void>;
}

export async function openLog(where: Where): Promise<BenchLog> {
  const host = await openHostEnv();
  const engine = await engineAt(where, host);
  const log = await engine.open(logName, { create: true });
  if (log === null) throw new Error('a log that may be made is there');
  const close = async (): Promise<void> => {
    await log.close();
    await engine.close();
    await host.close();
  };
  return { log, engine, close };
}

/** Callers hand their entries to one writer; a record has what came while the one before was under way. */
export function grouped(ground: Ground, load: Load): Side {
  return side(ground, load, (gatherer) => runLoad(load, (entry) => gatherer.append(entry)));
}

/** One entry a record, one at a time. */
export function oneAtATime(ground: Ground, load: Load): Side {
  return side(ground, load, (_, writer) => {
    let revision = 0;
    return runLoad(load, async (payload) => {
      const answer = await writer.append({ payload, firstRevision: ++revision, revisionCount: 1 });
      if (answer.kind === 'fenced') throw new Error('somebody else leads the log of a benchmark');
    });
  });
}

function side(ground: Ground, load: Load, work: (gatherer: Gatherer, writer: LogWriter) => Promise<WorkDone>): Side {
  const { name, durability } = ground;
  ground.expect();
  const prepare = async (): Promise<Prepared> => {
    const opened = await ground.open();
    const bench = await openLog(opened.where);
    const writer = await bench.log.acquire({ owner: 'bench' });
    const gatherer = new Gatherer(writer, Math.min(groupBytesMax, bench.engine.guarantees.payloadBytesMax));
    const run = async (): Promise<WorkDone> => {
      const before = await bench.log.tail();
      const done = await work(gatherer, writer);
      const after = await bench.log.tail();
      await bench.log.trim(after);
      return { ...done, facts: { 'entries a record': load.entries / (after - before) } };
    };
    const close = async (): Promise<void> => {
      await writer.release();
      await bench.engine.remove(logName);
      await bench.close();
      await opened.close();
    };
    return { run, close };
  };
  return { name, durability, prepare };
}

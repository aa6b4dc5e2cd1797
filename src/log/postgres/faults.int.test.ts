/**
 * Logs in PostgreSQL while things go wrong: killed, stopped, cut off, made anew; a standby promoted with records missing,
 * and one that was waited for. What was acknowledged is there, or the reader says that it is not.
 */
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf } from '../../../test/servers/needs.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../../test/servers/tcp-proxy.ts';
import { isLockstepError } from '../../kernel/errors.ts';
import { hostEnv } from '../../os/env.ts';
import { postgres, postgresSchema } from '../postgres.ts';
import { append, endOf, entry, lead, made, textsIn } from '../contract-world.ts';
import { position } from '../coordinates.ts';
import type { Log, LogEngine, LogWriter } from '../port.ts';
import type { PgPool, PostgresSql } from './sql-client.ts';

const program = programOf('postgresql');
const config = { silenceMs: 100, pauseMsMax: 20, settleMsMax: 20_000, attemptMsMax: 1_000 };

const opened = (connection: string | PgPool | PostgresSql, settleMsMax = 20_000): Promise<LogEngine> =>
  postgres({ connection, migrate: 'apply', config: { ...config, settleMsMax }, chunkBytes: 16_384 }).open(hostEnv);

const textsOf = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

/** Appends until it is told to stop, or may no longer; gives what was acknowledged. */
function load(writer: LogWriter, prefix: string): { readonly enough: () => void; readonly done: Promise<string[]> } {
  let [going, count] = [true, 0];
  const acknowledged: string[] = [];
  const run = async (): Promise<string[]> => {
    while (going) {
      const text = `${prefix}-${count++}`;
      const outcome = await writer.append(entry(text)).catch((error: unknown) => {
        if (isLockstepError(error, 'unknown') || isLockstepError(error, 'unavailable')) return null;
        throw error;
      });
      if (outcome?.kind !== 'appended') break;
      acknowledged.push(text);
    }
    return acknowledged;
  };
  return { enough: () => (going = false), done: run() };
}

const after = (ms: number): Promise<void> => hostEnv.sleep(`${ms}ms`);

const testIf = test.skipIf(program === null);

describe('PostgreSQL, when things go wrong', () => {
  let server: PostgresServer;
  let proxy: TcpProxy;
  let engine: LogEngine;
  const standbys: PostgresServer[] = [];

  beforeAll(async () => {
    if (program === null) return;
    server = await startPostgres(program);
    proxy = await startTcpProxy(server.port);
    engine = await opened(server.url.replace(`:${server.port}/`, `:${proxy.port}/`));
  });
  afterAll(async () => {
    if (program === null) return;
    await engine.close();
    await proxy.close();
    for (const one of [...standbys, server]) await one.stop();
  });

  /** Appends while `trouble` goes on; all that was acknowledged is there once, in order. */
  async function underLoad(name: string, trouble: () => Promise<void>): Promise<number> {
    const log = await made(engine, name);
    const writer = await lead(log);
    const { enough, done } = load(writer, name);
    await after(100);
    await trouble();
    await after(100);
    enough();
    const acknowledged = await done;
    expect(await textsIn(log)).toEqual(acknowledged);
    await append(writer, 'last');
    await log.close();
    return acknowledged.length;
  }

  testIf('killed and started again: all that was acknowledged is there, and the writer goes on', async () => {
    const count = await underLoad('killed', async () => {
      await server.kill();
      await server.restart();
    });
    expect(count).toBeGreaterThan(0);
  });

  testIf('stopped for longer than an attempt, and going on: each append is there once', async () => {
    await underLoad('stopped', async () => {
      server.pause();
      await after(1_500);
      server.resume();
    });
  });

  testIf('connections cut, refused, delayed and silent: each append is there once', async () => {
    await underLoad('cut', async () => {
      proxy.cut();
      await after(50);
      proxy.refuse();
      proxy.cut();
      await after(200);
      proxy.heal();
      proxy.delay('to-client', 50);
      await after(200);
      proxy.blackHole('to-client');
      await after(1_200);
      proxy.heal();
      proxy.cut();
    });
  });

  testIf('made anew: a reader of the old log is told, its writer is fenced', async () => {
    const log = await made(engine, 'anew');
    const writer = await lead(log);
    const last = await append(writer, 'a', 'b');
    const pool = new Pool({ connectionString: server.url });
    await pool.query(`drop schema lockstep cascade; ${postgresSchema()}`);
    const anew = await made(engine, 'anew');
    await append(await lead(anew, 'bob'), 'x');
    expect(await endOf(log, last)).toMatchObject({ kind: 'diverged' });
    expect(await writer.append(entry('c'))).toEqual({ kind: 'fenced' });
    expect(await textsIn(anew)).toEqual(['x']);
    await pool.end();
  });

  testIf('a standby promoted without the last records: its reader says diverged and never follows', async () => {
    const way = await startTcpProxy(server.port);
    const standby = await server.startStandby('one', way.port);
    standbys.push(standby);
    const hosts = `127.0.0.1:${server.port},127.0.0.1:${standby.port}`;
    const sql = postgresJs(`postgres://postgres@${hosts}/postgres`, {
      target_session_attrs: 'read-write',
      backoff: () => 0.05,
    });
    const following = await opened(sql);
    const log = await made(engine, 'promoted');
    const writer = await lead(log);
    await append(writer, ...textsOf('both', 20));
    await caughtUp(server, standby);
    way.blackHole('both');
    const last = await append(writer, ...textsOf('primary', 20));
    const reading = liveEnd(await made(following, 'promoted'), last);
    await reading.reached;
    await server.kill();
    await way.close();
    await standby.promote();
    expect(await reading.end).toMatchObject({ kind: 'diverged' });
    // Nor once it has grown again past the reader's place.
    const there = await opened(standby.url);
    const other = await made(there, 'promoted');
    await append(await lead(other, 'bob'), ...textsOf('standby', 40));
    const chain = reading.chain();
    expect(await endOf(other, last, chain)).toMatchObject({ kind: 'diverged', position: last + 1 });
    expect(await textsIn(other)).toEqual([...textsOf('both', 20), ...textsOf('standby', 40)]);
    await Promise.all([following.close(), there.close()]);
    await sql.end({ timeout: 1 });
  });

  testIf(
    'a standby that is waited for is promoted under load: nothing acknowledged is lost, and the old primary confirms nothing',
    async () => {
      const primary = standbys[0] as PostgresServer;
      const standby = await primary.startStandby('two');
      standbys.push(standby);
      primary.configure({ synchronous_standby_names: 'two' });
      await syncedBy(primary);
      const old = await opened(primary.url, 3_000);
      expect(old.guarantees).toMatchObject({ survives: 'minority', failoverKeepsAcknowledged: true });
      const log = await made(old, 'synced');
      const writer = await lead(log);
      const { done } = load(writer, 'synced');
      await after(300);
      await standby.promote(); // and the old primary is still up
      const next = await opened(standby.url);
      const other = await made(next, 'synced');
      const leading = await lead(other, 'bob');
      const acknowledged = await done; // it ends by itself: nobody answers its commits any more
      expect(acknowledged.length).toBeGreaterThan(0);
      const kept = await textsIn(other);
      expect(kept.slice(0, acknowledged.length)).toEqual(acknowledged);
      expect(await writer.confirm().catch((error: unknown) => String(error))).not.toBe('held');
      expect(await leading.confirm()).toBe('held');
      await primary.kill();
      await old.close();
      await next.close();
    },
  );
});

/** Reads live; `end` is the batch that is not of records. */
function liveEnd(log: Log, upTo: number) {
  let chain = '';
  const reached = Promise.withResolvers<void>();
  const run = async (): Promise<unknown> => {
    for (let from = position(0); ;) {
      try {
        for await (const batch of log.read(from, { chain: chain === '' ? undefined : chain })) {
          if (batch.kind !== 'records') return batch;
          const newest = batch.records.at(-1);
          if (newest === undefined) continue;
          [from, chain] = [newest.position, newest.chain];
          if (from >= upTo) reached.resolve();
        }
      } catch (error) {
        if (!isLockstepError(error, 'unavailable')) throw error;
        await after(20);
      }
    }
  };
  return { reached: reached.promise, end: run(), chain: () => chain };
}

async function caughtUp(primary: PostgresServer, standby: PostgresServer): Promise<void> {
  const [here, there] = [new Pool({ connectionString: primary.url }), new Pool({ connectionString: standby.url })];
  const { rows } = await here.query<{ at: string }>('select pg_current_wal_lsn()::text as at');
  const sql = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as there';
  while ((await there.query<{ there: boolean }>(sql, [rows[0]?.at])).rows[0]?.there !== true) await after(20);
  await Promise.all([here.end(), there.end()]);
}

async function syncedBy(primary: PostgresServer): Promise<void> {
  const pool = new Pool({ connectionString: primary.url });
  const sql = "select count(*)::int as count from pg_stat_replication where sync_state = 'sync'";
  while ((await pool.query<{ count: number }>(sql)).rows[0]?.count !== 1) await after(20);
  await pool.end();
}

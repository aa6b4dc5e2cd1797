/** The contract over a real PostgreSQL: through `pg`, through `postgres`, and through pgbouncer in transaction mode. */
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultyStores, logContractOf } from '../../test/contracts/log.ts';
import { programOf } from '../../test/servers/needs.ts';
import { startPgbouncer, type PgbouncerServer } from '../../test/servers/pgbouncer.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';
import { hostEnv } from '../os/env.ts';
import type { LogHarness } from './contract.ts';
import { position } from './coordinates.ts';
import { postgres, postgresSchema } from './postgres.ts';
import { openPostgresStores, type OpenPostgres } from './postgres/open.ts';
import { namesIn } from './postgres/schema.ts';
import type { PgPool, PostgresSql } from './postgres/sql-client.ts';
import { storeEngine } from './store-engine.ts';

const program = programOf('postgresql');
const bouncerProgram = programOf('pgbouncer');
const config = { silenceMs: 50, pauseMsMax: 10, settleMsMax: 8_000, attemptMsMax: 2_000 };

interface Way {
  readonly connection: PgPool | PostgresSql;
  readonly schema: string;
  readonly listen: boolean;
}

/** One pool for all cases, as an application has it; the logs of a case are removed after it. */
function harness(way: () => Way): LogHarness {
  return {
    run: async (body) => {
      const { connection, schema, listen } = way();
      const options: OpenPostgres = {
        connection,
        names: namesIn(schema),
        migrate: 'apply',
        listen,
        pollMs: 5,
        chunkBytes: 8_192,
        statementMsMax: 2_000,
      };
      const [stores, others] = [await openPostgresStores(hostEnv, options), await openPostgresStores(hostEnv, options)];
      const faulty = new FaultyStores(stores);
      const [engine, other] = [storeEngine(hostEnv, faulty, { config }), storeEngine(hostEnv, others, { config })];
      try {
        await body({ env: hostEnv, engine, other, faults: faulty.faults });
      } finally {
        for (const name of await stores.list()) await stores.remove(name);
        await engine.close();
        await other.close();
        await stores.close();
      }
    },
    reasons: { stopWriter: 'the server writes and syncs' },
  };
}

describe.skipIf(program === null)('PostgreSQL', () => {
  let server: PostgresServer;
  let bouncer: PgbouncerServer | null = null;
  let pool: Pool;
  let sql: postgresJs.Sql;
  let pooled: Pool;

  beforeAll(async () => {
    server = await startPostgres(program ?? '');
    if (bouncerProgram !== null) bouncer = await startPgbouncer(bouncerProgram, server.port);
    pool = new Pool({ connectionString: server.url });
    sql = postgresJs(server.url, { onnotice: () => {} });
    pooled = new Pool({ connectionString: bouncer?.url ?? server.url });
  });
  afterAll(async () => {
    await Promise.all([pool.end(), sql.end(), pooled.end()]);
    await bouncer?.stop();
    await server.stop();
  });

  test('opening refuses tables that are missing or newer, and a role without the rights; those it prints are enough', async () => {
    const schema = 'opening';
    const open = (connection: PgPool | string, migrate: 'refuse' | 'apply' = 'refuse') =>
      postgres({ connection, schema, migrate, config, chunkBytes: 4_096 }).open(hostEnv);
    await expect(open(pool)).rejects.toMatchObject({ kind: 'invalid', values: { version: null } });
    await (await open(pool, 'apply')).close();
    await pool.query('create role app login');
    const asApp = server.url.replace('postgres@', 'app@');
    await expect(open(asApp)).rejects.toMatchObject({ kind: 'invalid' });
    await pool.query(postgresSchema({ schema, role: 'app' }));
    const engine = await open(asApp);
    expect(engine.guarantees).toMatchObject({ survives: 'machine', failoverKeepsAcknowledged: false });
    const log = await engine.open('log', { create: true });
    const writer = await log?.acquire({ owner: 'ann' });
    const entry = { payload: new Uint8Array(1_000), firstRevision: 0, revisionCount: 0 };
    for (let count = 0; count < 20; count++) await writer?.append(entry);
    expect(await log?.trim(position(15))).toBeGreaterThan(1);
    expect(await engine.remove('log')).toBe('removed');
    const { rows } = await pool.query(
      "select tablename from pg_tables where schemaname = 'opening' and tablename like 'r\\_%'",
    );
    expect(rows).toEqual([]);
    await engine.close();
    await pool.query('update opening.version set version = 2');
    await expect(open(pool, 'apply')).rejects.toMatchObject({
      kind: 'invalid',
      values: { version: 2, versionHere: 1 },
    });
  });

  logContractOf(
    'postgres through pg',
    harness(() => ({ connection: pool, schema: 'through_pg', listen: true })),
  );
  logContractOf(
    'postgres through postgres, without notifications',
    harness(() => ({ connection: sql, schema: 'through_postgres', listen: false })),
  );
  describe.skipIf(bouncerProgram === null)('pgbouncer', () => {
    logContractOf(
      'postgres through a pooler in transaction mode',
      harness(() => ({ connection: pooled, schema: 'through_pgbouncer', listen: true })),
    );
  });
});

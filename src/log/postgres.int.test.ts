/** The contract over a real PostgreSQL: through `pg`, through `postgres`, and through pgbouncer in transaction mode. */
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { afterAll, beforeAll, describe } from 'vitest';
import { FaultyStores, logContractOf } from '../../test/contracts/log.ts';
import { programOf } from '../../test/servers/needs.ts';
import { startPgbouncer, type PgbouncerServer } from '../../test/servers/pgbouncer.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';
import { hostEnv } from '../os/env.ts';
import type { LogHarness } from './contract.ts';
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

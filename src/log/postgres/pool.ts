/** A pool of our own from a connection string: the one place that loads a client's package, when it is needed. */
import type Pg from 'pg';
import type Postgres from 'postgres';
import { LockstepError } from '../../kernel/errors.ts';
import type { PgPool, PostgresSql } from './sql-client.ts';

export interface PoolOptions {
  readonly client: 'pg' | 'postgres' | undefined;
  readonly connectionsMax: number;
  readonly statementMsMax: number;
}

/** @throws LockstepError `misuse` when neither package is installed, or not the one that was asked for. */
export async function makePool(connectionString: string, options: PoolOptions): Promise<PgPool | PostgresSql> {
  if (options.client !== 'postgres') {
    const pg = await loaded(async () => (await import('pg')).default);
    if (pg !== null) return pgPool(pg, connectionString, options);
  }
  if (options.client !== 'pg') {
    const client = await loaded(async () => (await import('postgres')).default);
    if (client !== null) return postgresSql(client, connectionString, options);
  }
  const name = options.client ?? 'pg';
  throw new LockstepError('misuse', 'the client for PostgreSQL is not installed', {
    values: { package: name },
    advice: [`npm install ${name}`, 'or pass a pool that you have made as `connection`'],
  });
}

async function loaded<T>(load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

function pgPool(pg: Pick<typeof Pg, 'Pool'>, connectionString: string, options: PoolOptions): PgPool {
  const pool = new pg.Pool({
    connectionString,
    max: options.connectionsMax,
    connectionTimeoutMillis: options.statementMsMax,
    application_name: 'lockstep',
    keepAlive: true,
  });
  pool.on('error', () => {}); // an idle connection has ended: the pool makes another
  return pool;
}

function postgresSql(client: typeof Postgres, connectionString: string, options: PoolOptions): PostgresSql {
  return client(connectionString, {
    max: options.connectionsMax,
    connect_timeout: Math.ceil(options.statementMsMax / 1_000),
    prepare: false,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: 'lockstep' },
  });
}

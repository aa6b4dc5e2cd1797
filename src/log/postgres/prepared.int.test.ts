/** Statements that come again are prepared on connections that lead straight to a server, and nowhere else. */
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf } from '../../../test/servers/needs.ts';
import { startPgbouncer, type PgbouncerServer } from '../../../test/servers/pgbouncer.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';
import { hostEnv } from '../../os/env.ts';
import { repeated } from './repeated.ts';
import { sqlClient, type SqlClient } from './sql-client.ts';

const program = programOf('postgresql');
const bouncerProgram = programOf('pgbouncer');

const clientOf = (pool: Pool): SqlClient =>
  sqlClient(pool, { timers: hostEnv.timers, statementMsMax: 5_000, owned: true });
const countText = "select count(*)::text from pg_prepared_statements where name like 'lockstep%'";
const preparedOn = async (client: SqlClient): Promise<number> => Number((await client.query(countText, []))[0]?.[0]);

describe.skipIf(program === null)('statements that come again', () => {
  let server: PostgresServer;
  let client: SqlClient;

  beforeAll(async () => {
    server = await startPostgres(program ?? '');
    client = clientOf(new Pool({ connectionString: server.url, max: 1 }));
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  test('are prepared once on a direct connection, and a text has a name of its own', async () => {
    expect(await client.query(repeated('select $1::text as one'), ['a'])).toEqual([['a']]);
    expect(await preparedOn(client)).toBe(0);
    expect(await client.prepareIfDirect()).toBe(true);
    for (const value of ['a', 'b']) {
      expect(await client.query(repeated('select $1::text as one'), [value])).toEqual([[value]]);
      expect(await client.query(repeated('select $1::text || 2 as two'), [value])).toEqual([[`${value}2`]]);
    }
    expect(await preparedOn(client)).toBe(2);
  });

  test('a connection with many of them gives way to a new one', async () => {
    expect(await client.prepareIfDirect()).toBe(true);
    const counts: number[] = [];
    for (let number = 0; number < 150; number++) {
      expect(await client.query(repeated(`select $1::text || ${number}`), ['a'])).toEqual([[`a${number}`]]);
      counts.push(await preparedOn(client));
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(100);
    expect(counts).toContain(0);
  });

  test('one that somebody has deallocated is sent as it is, and so are all from then on', async () => {
    expect(await client.prepareIfDirect()).toBe(true);
    const statement = repeated('select $1::text as three');
    await client.query(statement, ['a']);
    await client.query('deallocate all', []);
    expect(await client.query(statement, ['b'])).toEqual([['b']]);
    expect(await client.query(repeated('select $1::text as four'), ['c'])).toEqual([['c']]);
    expect(await preparedOn(client)).toBe(0);
  });

  test.skipIf(bouncerProgram === null)('through a pooler nothing is prepared', async () => {
    const bouncer: PgbouncerServer = await startPgbouncer(bouncerProgram ?? '', server.port);
    const pooled = clientOf(new Pool({ connectionString: bouncer.url, max: 4 }));
    expect(await pooled.prepareIfDirect()).toBe(false);
    expect(await pooled.query(repeated('select $1::text as one'), ['a'])).toEqual([['a']]);
    expect(await preparedOn(pooled)).toBe(0);
    await pooled.close();
    await bouncer.stop();
  });
});

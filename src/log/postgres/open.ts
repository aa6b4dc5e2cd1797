/** From options to stores: makes the clients, looks at the server, and holds the schema to the version that this code writes. */
import { LockstepError } from '../../kernel/errors.ts';
import type { LogPorts } from '../within.ts';
import { Growth } from './growth.ts';
import { makePool } from './pool.ts';
import { postgresSchema, schemaVersion, type Names } from './schema.ts';
import { checkServer, commitWait, postgresGuarantees, settingsOf, waitsForStandby } from './settings.ts';
import { sqlClient, type PgPool, type PostgresSql, type SqlClient } from './sql-client.ts';
import { sqlStateOf, sqlStates } from './sql-errors.ts';
import { PostgresStores } from './stores.ts';

export interface OpenPostgres {
  readonly connection: string | PgPool | PostgresSql;
  readonly client?: 'pg' | 'postgres' | undefined;
  readonly names: Names;
  readonly migrate: 'refuse' | 'apply';
  readonly listen: boolean | string;
  readonly pollMs: number;
  readonly chunkBytes: number;
  readonly statementMsMax: number;
}

export async function openPostgresStores(ports: LogPorts, options: OpenPostgres): Promise<PostgresStores> {
  const { connection, listen, names, statementMsMax, pollMs, chunkBytes } = options;
  const clients: SqlClient[] = [];
  const close = async (): Promise<void> => {
    for (const one of clients) await one.close();
  };
  const made = async (from: string | PgPool | PostgresSql, connectionsMax: number): Promise<SqlClient> => {
    const owned = typeof from === 'string';
    const pool = owned ? await makePool(from, { client: options.client, connectionsMax, statementMsMax }) : from;
    const client = sqlClient(pool, { timers: ports.timers, statementMsMax, owned });
    clients.push(client);
    return client;
  };
  try {
    const client = await made(connection, 10);
    const settings = await settingsOf(client);
    checkServer(settings);
    await checkSchema(client, names, options.migrate);
    const ears = listen === false ? null : listen === true ? client : await made(listen, 1);
    const growth = new Growth(ports, client, { channel: names.schema, ears, pollMs });
    const context = {
      ports,
      client,
      names,
      growth,
      chunkBytes,
      commitWait: commitWait(settings),
      waitsForStandby: waitsForStandby(settings),
    };
    return new PostgresStores(context, postgresGuarantees(settings), close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws LockstepError `invalid` for a schema that is missing, older or newer, and for rights that are. */
async function checkSchema(client: SqlClient, names: Names, migrate: 'refuse' | 'apply'): Promise<void> {
  let version = await versionIn(client, names);
  if (version === null && migrate === 'apply') {
    await client.script(postgresSchema({ schema: names.schema })).catch((error: unknown) => {
      // Two who apply it at once: one of them is told so by the catalog.
      if (sqlStateOf(error) !== sqlStates.uniqueViolation && sqlStateOf(error) !== sqlStates.duplicateTable)
        throw error;
    });
    version = await versionIn(client, names);
  }
  const values = { schema: names.schema, version, versionHere: schemaVersion };
  if (version === null)
    throw new LockstepError('invalid', 'the tables for logs are not there', {
      values,
      advice: ["apply the SQL of `postgresSchema()`, or open with `migrate: 'apply'`"],
    });
  if (version !== schemaVersion)
    throw new LockstepError('invalid', 'the tables for logs are of another version', {
      values,
      advice: ['use the version of lockstep that made them, or a newer one'],
    });
  const [row] = await client.look("select has_schema_privilege($1, 'create')::text", [names.schema]);
  if (row?.[0] !== 'true')
    throw new LockstepError('invalid', 'this role may not make tables in the schema, which logs need', {
      values: { schema: names.schema },
      advice: [`grant usage, create on schema "${names.schema}" to it: see the end of \`postgresSchema()\``],
    });
}

async function versionIn(client: SqlClient, names: Names): Promise<number | null> {
  const [there] = await client.look('select to_regclass($1)::text', [names.version]);
  if (there?.[0] === null || there === undefined) return null;
  const [row] = await client.look(`select max(version)::text from ${names.version}`, []);
  return row === undefined || row[0] === null ? null : Number(row[0]);
}

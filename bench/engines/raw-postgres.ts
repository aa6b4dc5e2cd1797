/** PostgreSQL through its own client, with prepared statements: a row a transaction, or batches of rows. */
import pg from 'pg';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { type Load, runLoad } from '../log/load.ts';
import { postgresServer } from './servers.ts';

/** One row a transaction; as many connections as callers may use at a time. */
export const perRowName = (connections: number): string =>
  `raw PostgreSQL, a row a transaction, ${connections} connection${connections === 1 ? '' : 's'}`;

export function perRow(connections: number, load: Load): Side {
  const text = 'insert into raw_rows (bytes) values ($1)';
  return side(perRowName(connections), connections, load, (pool) =>
    runLoad(load, (entry) => pool.query({ name: 'one', text, values: [entry] })),
  );
}

export const batchesName = (rows: number): string => `raw PostgreSQL, ${rows} rows a transaction, 1 connection`;

/** Batches of so many rows, one after another, in one statement each. */
export function batches(rows: number, load: Load): Side {
  return side(batchesName(rows), 1, load, async (pool) => {
    const whole: Load = { ...load, callers: 1, entries: Math.ceil(load.entries / rows) };
    const places = Array.from({ length: rows }, (_, at) => `($${at + 1})`).join(', ');
    const text = `insert into raw_rows (bytes) values ${places}`;
    const values = Array.from({ length: rows }, () => new Uint8Array(load.entryBytes));
    const done = await runLoad(whole, (entry) => {
      for (const value of values) value.set(entry);
      return pool.query({ name: 'many', text, values });
    });
    return { ...done, operations: whole.entries * rows, bytes: whole.entries * rows * load.entryBytes };
  });
}

function side(name: string, connections: number, load: Load, work: (pool: pg.Pool) => Promise<WorkDone>): Side {
  postgresServer.expect();
  return {
    name,
    durability: 'machine',
    prepare: async (): Promise<Prepared> => {
      const { url } = await postgresServer.take();
      const pool = new pg.Pool({ connectionString: url, max: connections });
      const text =
        'create table if not exists raw_rows (id bigint generated always as identity primary key, bytes bytea)';
      await pool.query(text);
      const run = async (): Promise<WorkDone> => {
        const done = await work(pool);
        const { rows } = await pool.query<{ count: string }>('select count(*)::text as count from raw_rows');
        const expected = done.operations ?? load.entries;
        if (Number(rows[0]?.count) !== expected) throw new Error(`PostgreSQL kept ${rows[0]?.count} of ${expected}`);
        await pool.query('truncate raw_rows');
        return done;
      };
      const close = async (): Promise<void> => {
        await pool.end();
        await postgresServer.leave();
      };
      return { run, close };
    },
  };
}

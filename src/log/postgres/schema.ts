/**
 * What stands in the database, version 1:
 *
 *     version   one row: the version of all this
 *     logs      name, id, and the first position that is kept
 *     chunks    which tables a log has; `first` is null for one that is made and not yet begun
 *     r_ID_N    the N-th chunk of a log: its records by position, those of one range
 *
 * A record is appended by inserting it after the one that must be the last, in one statement, on the primary key; no
 * row is ever updated for it. So positions are dense, nothing needs vacuum, and a long transaction elsewhere in the
 * database slows nothing down, as it would a row that counts. A row without bytes is a mark, never a record: one at a
 * chunk's start repeats the last position before it, one at its end (a seal) takes the place in which an append by whoever
 * knows only this chunk would stand. A trim drops whole tables.
 */
import { LockstepError } from '../../kernel/errors.ts';
import { logId } from '../chain.ts';
import type { LogId } from '../port.ts';

export const schemaVersion = 1;

/** Names of tables in one schema, safe to stand in a statement. */
export interface Names {
  readonly schema: string;
  readonly version: string;
  readonly logs: string;
  readonly chunks: string;
  chunk(id: LogId, number: number): string;
}

const nameShape = /^[a-z_][a-z0-9_]{0,39}$/;

/** @throws LockstepError `misuse` unless it needs no quotes. */
export function namesIn(schema: string): Names {
  if (!nameShape.test(schema))
    throw new LockstepError('misuse', 'a schema is 1 to 40 lower-case letters, digits and `_`, not first a digit', {
      values: { schema },
    });
  return {
    schema,
    version: `"${schema}".version`,
    logs: `"${schema}".logs`,
    chunks: `"${schema}".chunks`,
    chunk: (id, number) => `"${schema}".r_${logId(id)}_${Math.trunc(number)}`,
  };
}

export interface PostgresSchemaOptions {
  /** Where the tables are. Default `lockstep`. */
  readonly schema?: string | undefined;
  /** Whom to grant what the engine needs; without it the text has it as a comment. */
  readonly role?: string | undefined;
}

/**
 * The SQL that makes what `postgres(…)` needs: to be read, kept among your migrations, and applied once by a role that
 * may create a schema. Applying it again changes nothing.
 * @throws LockstepError `misuse` for names that would need quotes.
 */
export function postgresSchema({ schema = 'lockstep', role }: PostgresSchemaOptions = {}): string {
  const names = namesIn(schema);
  if (role !== undefined) namesIn(role);
  const rights = [
    `grant usage, create on schema "${schema}" to "${role ?? 'ROLE'}";`,
    `grant select on ${names.version} to "${role ?? 'ROLE'}";`,
    `grant select, insert, update, delete on ${names.logs}, ${names.chunks} to "${role ?? 'ROLE'}";`,
  ];
  return [
    `create schema if not exists "${schema}";`,
    `create table if not exists ${names.version} (version integer not null);`,
    `insert into ${names.version} (version) select ${schemaVersion} where not exists (select from ${names.version});`,
    `create table if not exists ${names.logs} (`,
    '  name text primary key,',
    '  id text not null unique,',
    '  first bigint not null',
    ');',
    `create table if not exists ${names.chunks} (`,
    '  log_id text not null,',
    '  chunk integer not null,',
    '  first bigint,',
    '  primary key (log_id, chunk)',
    ');',
    '-- A log makes and drops tables of its own in this schema: all nodes use one role, and it needs',
    ...(role === undefined ? rights.map((line) => `-- ${line}`) : rights),
    '',
  ].join('\n');
}

/** A chunk's table. Records are stored as they are: they are packed batches, and trying to compress them costs time. */
export const createChunk = (names: Names, id: LogId, number: number): string =>
  `create table if not exists ${names.chunk(id, number)} (position bigint primary key, bytes bytea);
   alter table ${names.chunk(id, number)} alter column bytes set storage external;`;

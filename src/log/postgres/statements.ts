/** The statements of this engine, as text. What stands in them is names that were checked; everything else is a value. */
import { logId } from '../chain.ts';
import type { LogId } from '../port.ts';
import { createChunk, type Names } from './schema.ts';

/** How many records a read gives at most; so many that `batchBytesMax` is the limit in practice. */
const recordsPerReadMax = 1_000;

/**
 * $1: the position that must be the last, $2: bytes, $3: how far the commit waits, which is said by a condition that
 * always holds: a row that came back for it cost a tenth of an append. One row was put in: it is there.
 */
export const appendText = (table: string): string =>
  `insert into ${table} (position, bytes) select position + 1, $2::bytea from ${table}
   where position = $1::bigint and set_config('synchronous_commit', $3, true) is not null
   on conflict (position) do nothing`;

/**
 * The append that begins the next chunk, in one statement: seals `table` after position $1, marks the start of `next`,
 * says in `chunks` where it begins, and puts the record there. $4: log, $5: number of the next chunk.
 */
export const appendToNextText = (names: Names, table: string, next: string): string =>
  `with seal as (
     insert into ${table} (position, bytes) select $1::bigint + 1, null
     where exists (select from ${table} where position = $1::bigint)
       and exists (select from ${names.chunks} where log_id = $4 and chunk = $5::integer and first is null)
     on conflict (position) do nothing returning position
   ), begun as (
     update ${names.chunks} set first = seal.position from seal
     where log_id = $4 and chunk = $5::integer returning 1
   ), mark as (
     insert into ${next} (position, bytes) select position - 1, null from seal returning 1
   )
   insert into ${next} (position, bytes) select position, $2::bytea from seal
   returning set_config('synchronous_commit', $3, true)`;

/** What a read is about: values of a prepared statement, or what stands in the text of a COPY, which has no values. */
interface ReadOf {
  readonly log: string;
  readonly after: string;
  readonly bytesMax: string;
}

const values: ReadOf = { log: '$1', after: '$2', bytesMax: '$3' };

/**
 * $1: log, $2: position, $3: bytes at most. No row: the log is gone. Otherwise: is this a standby, first position kept,
 * last row of the newest chunk and whether it is a mark, and a record of `table` or nulls.
 */
export const readText = (names: Names, table: string, newest: string, of: ReadOf = values): string =>
  `select pg_is_in_recovery()::text, l.first::text, t.position::text, (t.bytes is null)::text, r.position::text, r.bytes
   from ${names.logs} l
   cross join (select position, bytes from ${newest} order by position desc limit 1) t
   left join (
     select position, bytes from (
       select position, bytes, sum(octet_length(bytes)) over (order by position) as upto, ${of.after}::bigint + 1 = position as least
       from (
         select position, bytes from ${table} where position > ${of.after}::bigint and bytes is not null
         order by position limit ${recordsPerReadMax}
       ) nearest
     ) counted where least or upto <= ${of.bytesMax}::bigint
   ) r on true
   where l.id = ${of.log}
   order by r.position`;

/** The same with its values in the text. */
export function readTextOf(
  names: Names,
  table: string,
  newest: string,
  what: { readonly log: LogId; readonly after: number; readonly bytesMax: number },
): string {
  const [after, bytesMax] = [Math.trunc(what.after), Math.trunc(what.bytesMax)];
  return readText(names, table, newest, { log: `'${logId(what.log)}'`, after: `${after}`, bytesMax: `${bytesMax}` });
}

/** $1: log. No row: it is gone. */
export const chunksText = (names: Names): string =>
  `select c.chunk::text, c.first::text, pg_is_in_recovery()::text from ${names.logs} l
   join ${names.chunks} c on c.log_id = l.id where l.id = $1 order by c.chunk`;

/** $1: log, $2: how far the commit waits. Once it returns, all that was committed before is as durable as an append. */
export const barrierText = (names: Names): string =>
  `update ${names.chunks} set first = first where log_id = $1 and chunk = (
     select max(chunk) from ${names.chunks} where log_id = $1 and first is not null
   ) returning set_config('synchronous_commit', $2, true)`;

export const bytesInText = (table: string): string =>
  `select coalesce(sum(octet_length(bytes)), 0)::text from ${table}`;

export const idOfText = (names: Names): string => `select id from ${names.logs} where name = $1`;

export const listText = (names: Names): string => `select name from ${names.logs} order by name`;

/** A name was checked before: it needs no quoting. */
export const createLogScript = (names: Names, name: string, id: LogId): string =>
  `${createChunk(names, id, 0)}
   insert into ${names.chunk(id, 0)} (position, bytes) values (0, null);
   insert into ${names.logs} (name, id, first) values ('${name}', '${id}', 1);
   insert into ${names.chunks} (log_id, chunk, first) values ('${id}', 0, 1);`;

/** The next chunk, not yet begun. A log that is gone has no id: the null is refused, and nothing is made. */
export const createNextScript = (names: Names, id: LogId, number: number): string =>
  `insert into ${names.chunks} (log_id, chunk, first)
     values ((select id from ${names.logs} where id = '${id}'), ${number}, null) on conflict (log_id, chunk) do nothing;
   ${createChunk(names, id, number)}`;

/** $1: name, $2: log, $3: number of its newest chunk, which is sealed with it so that no append comes after. One row: removed. */
export const removeText = (names: Names, newest: string): string =>
  `with gone as (
     delete from ${names.logs} where name = $1 and id = $2 and not exists (
       select from ${names.chunks} where log_id = $2 and chunk > $3::integer and first is not null
     ) returning id
   )
   insert into ${newest} (position, bytes) select (select max(position) from ${newest}) + 1, null from gone
   returning position::text`;

/** $1: log, $2: the first position to keep. */
export const trimText = (names: Names): string =>
  `update ${names.logs} set first = $2::bigint where id = $1 and first < $2::bigint returning 1`;

/** Chunks of logs that are no more. */
export const orphansText = (names: Names): string =>
  `select c.log_id, c.chunk::text from ${names.chunks} c
   where not exists (select from ${names.logs} l where l.id = c.log_id) limit 1000`;

/** Whoever reads the table (a dump, say) is not waited for: it is dropped another time. */
export const dropScript = (names: Names, id: LogId, number: number): string =>
  `select set_config('lock_timeout', '200ms', true);
   drop table if exists ${names.chunk(id, number)};
   delete from ${names.chunks} where log_id = '${id}' and chunk = ${number};`;

/** Which table holds which positions of a log, as it was when it was asked for. */
import { assert } from '../../kernel/assert.ts';
import { LockstepError } from '../../kernel/errors.ts';
import type { LogId } from '../port.ts';
import type { Names } from './schema.ts';
import type { SqlClient } from './sql-client.ts';
import { chunksText } from './statements.ts';

export interface Chunk {
  readonly number: number;
  readonly first: number;
}

export class Chunks {
  /** Those that have begun, in order; at least one. */
  readonly begun: readonly Chunk[];
  readonly newest: Chunk;

  constructor(begun: readonly Chunk[]) {
    const newest = begun.at(-1);
    assert(newest !== undefined, 'a log has a chunk');
    this.begun = begun;
    this.newest = newest;
  }

  /** Null: the log is gone. */
  static async load(client: SqlClient, names: Names, id: LogId): Promise<Chunks | null> {
    const rows = await client.look(chunksText(names), [id]);
    if (rows.length === 0) return null;
    if (rows[0]?.[2] === 'true') throw onStandby();
    const begun = rows.flatMap(([number, first]) =>
      first === null ? [] : [{ number: Number(number), first: Number(first) }],
    );
    return new Chunks(begun);
  }

  /** The chunk of a position: the last one that begins at or before it, or the earliest there is. */
  of(position: number): Chunk {
    return this.begun.findLast(({ first }) => first <= position) ?? (this.begun[0] as Chunk);
  }
}

export const onStandby = (): LockstepError =>
  new LockstepError('unavailable', 'this PostgreSQL is a standby now: its primary is another', {
    advice: ['it is tried again; where it stays so, connect to the primary'],
  });

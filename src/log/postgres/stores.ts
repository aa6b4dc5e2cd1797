/** Logs in PostgreSQL by name: `RecordStores` for the generic engine. One per process and database. */
import { LockstepError } from '../../kernel/errors.ts';
import { logId } from '../chain.ts';
import type { Guarantees, LogId } from '../port.ts';
import type { RecordStore, RecordStores } from '../store.ts';
import { Chunks } from './chunks.ts';
import { dropChunk, type PostgresContext } from './context.ts';
import { removedAt } from './growth.ts';
import { sqlStateOf, sqlStates } from './sql-errors.ts';
import { createLogScript, idOfText, listText, orphansText, removeText } from './statements.ts';
import { PostgresStore } from './store.ts';

/** Removing races with appends, and wins when it meets a moment between two. */
const removeTriesMax = 20;

export class PostgresStores implements RecordStores {
  readonly name = 'postgres';
  readonly guarantees: Guarantees;
  readonly reads: 'linearizable' | 'recent';
  readonly #context: PostgresContext;
  readonly #close: () => Promise<void>;

  constructor(context: PostgresContext, guarantees: Guarantees, close: () => Promise<void>) {
    this.guarantees = guarantees;
    this.reads = context.waitsForStandby ? 'recent' : 'linearizable';
    this.#context = context;
    this.#close = close;
  }

  async open(name: string, create: LogId | null): Promise<RecordStore | null> {
    const { client, names } = this.#context;
    const there = await this.#idOf(name);
    if (there !== null) return new PostgresStore(this.#context, there);
    if (create === null) return null;
    try {
      await client.script(createLogScript(names, name, create));
      return new PostgresStore(this.#context, create);
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
    const faster = await this.#idOf(name);
    if (faster !== null) return new PostgresStore(this.#context, faster);
    throw new LockstepError('unavailable', 'a log was made and removed meanwhile', { values: { name } });
  }

  async list(): Promise<readonly string[]> {
    const rows = await this.#context.client.look(listText(this.#context.names), []);
    return rows.map(([name]) => String(name));
  }

  async remove(name: string): Promise<'removed' | 'absent'> {
    const { client, names, growth } = this.#context;
    for (let tries = 0; tries < removeTriesMax; tries++) {
      const id = await this.#idOf(name);
      if (id === null) {
        await this.#sweep();
        return 'absent';
      }
      const chunks = await Chunks.load(client, names, id);
      if (chunks === null) continue;
      const text = removeText(names, names.chunk(id, chunks.newest.number));
      const rows = await client.query(text, [name, id, chunks.newest.number]).catch((error: unknown) => {
        if (sqlStateOf(error) === sqlStates.uniqueViolation || sqlStateOf(error) === sqlStates.undefinedTable)
          return [];
        throw error;
      });
      if (rows.length === 0) continue;
      growth.tell(id, removedAt);
      await this.#sweep();
      return 'removed';
    }
    throw new LockstepError('unavailable', 'a log grew faster than it could be removed', { values: { name } });
  }

  async close(): Promise<void> {
    this.#context.growth.close();
    await this.#close();
  }

  async #idOf(name: string): Promise<LogId | null> {
    const [row] = await this.#context.client.look(idOfText(this.#context.names), [name]);
    return row === undefined ? null : logId(String(row[0]));
  }

  /** Drops the tables of logs that are no more, as far as nobody reads them. */
  async #sweep(): Promise<void> {
    const { client, names } = this.#context;
    for (const [id, number] of await client.look(orphansText(names), [])) {
      await dropChunk(client, names, logId(String(id)), Number(number));
    }
  }
}

const isTaken = (error: unknown): boolean =>
  sqlStateOf(error) === sqlStates.uniqueViolation || sqlStateOf(error) === sqlStates.duplicateTable;

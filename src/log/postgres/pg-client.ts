/** The package `pg`: statements on a pool's connections, prepared where they lead straight to the server, and COPY. */
import { LockstepError } from '../../kernel/errors.ts';
import { atMost, within } from '../within.ts';
import { CopyQuery } from './copied-rows.ts';
import { textOf, type Repeated } from './repeated.ts';
import type {
  PgPool,
  PgPoolClient,
  PgResult,
  PgStatement,
  SqlClient,
  SqlClientOptions,
  SqlRow,
  SqlValue,
} from './sql-client.ts';
import { connectFailure, harmless, sqlStateOf, sqlStates, statementFailure, tooLate } from './sql-errors.ts';

/** A connection that keeps so many statements gives way to a new one: they are of tables that were filled long ago. */
const preparedMax = 100;
/** Said of a COPY by what speaks PostgreSQL's protocol and is another database. */
const noCopy: readonly (string | null)[] = [sqlStates.featureNotSupported, sqlStates.syntaxError];

const ignored = (): void => {};

export class PgClient implements SqlClient {
  readonly #pool: PgPool;
  readonly #options: SqlClientOptions;
  #prepares = false;
  #copies = true;
  /** The names on each connection. */
  readonly #prepared = new WeakMap<PgPoolClient, Set<string>>();

  constructor(pool: PgPool, options: SqlClientOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  async query(statement: string | Repeated, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return (await this.#answer(statement, values)).rows ?? [];
  }

  async change(statement: string | Repeated, values: readonly SqlValue[]): Promise<number> {
    return (await this.#answer(statement, values)).rowCount ?? 0;
  }

  look(statement: string | Repeated, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return harmless(() => this.query(statement, values));
  }

  async copy(statement: string): Promise<readonly SqlRow[] | null> {
    if (!this.#copies) return null;
    try {
      return await harmless(() => this.#run((client) => this.#copied(client, statement)));
    } catch (error) {
      if (!noCopy.includes(sqlStateOf(error))) throw error;
      this.#copies = false;
      return null;
    }
  }

  async script(text: string): Promise<void> {
    await this.#run((client) => client.query({ text, rowMode: 'array' })); // without values: one message, one transaction
  }

  /** A pooler makes up the number of the process that it tells its clients. */
  async prepareIfDirect(): Promise<boolean> {
    const statement = { text: 'select pg_backend_pid()::text', rowMode: 'array' } as const;
    let told: number | null | undefined;
    try {
      const { rows } = await this.#run((client) => {
        told = client.processID;
        return client.query(statement);
      });
      this.#prepares = typeof told === 'number' && rows[0]?.[0] === String(told);
    } catch (error) {
      if (sqlStateOf(error) === null) throw error;
      this.#prepares = false; // a server that does not tell the number of a process
    }
    return this.#prepares;
  }

  async #answer(statement: string | Repeated, values: readonly SqlValue[]): Promise<PgResult> {
    const plain = { text: textOf(statement), values: values as unknown[], rowMode: 'array' } as const;
    if (typeof statement === 'string' || !this.#prepares) return this.#run((client) => client.query(plain));
    const named: PgStatement = { name: statement.name, ...plain };
    try {
      return await this.#run((client) => client.query(named), statement.name);
    } catch (error) {
      const state = sqlStateOf(error);
      if (state !== sqlStates.unknownStatement && state !== sqlStates.duplicateStatement) throw error;
      this.#prepares = false; // connections are shared after all; the server refused it before it did anything
      return this.#run((client) => client.query(plain));
    }
  }

  /** Null: the native client, or one that waits for no answers, which take no query but their own. */
  async #copied(client: PgPoolClient, statement: string): Promise<readonly SqlRow[] | null> {
    this.#copies = typeof client.processID === 'number' && client.pipeline !== true;
    if (!this.#copies) return null;
    const query = new CopyQuery(statement);
    client.query(query);
    return query.rows;
  }

  /** One statement on a connection of the pool. `name`: it stays prepared there. */
  async #run<T>(send: (client: PgPoolClient) => Promise<T>, name?: string): Promise<T> {
    const { timers, statementMsMax } = this.#options;
    const client = await this.#connection();
    client.on('error', ignored); // the statement under way rejects with it
    let good = false;
    try {
      const answer = await atMost(timers, statementMsMax, [], () => send(client));
      if (answer.kind === 'late') throw tooLate(statementMsMax);
      good = true;
      return answer.value;
    } catch (error) {
      const failure = statementFailure(error);
      good = failure.happened === 'no'; // the server told; the connection is good
      throw failure;
    } finally {
      client.off('error', ignored);
      client.release(!good || this.#isFull(client, name));
    }
  }

  /** Notes what the connection keeps by now; whether that is too much. */
  #isFull(client: PgPoolClient, name: string | undefined): boolean {
    if (name === undefined) return false;
    const names = this.#prepared.get(client) ?? new Set();
    this.#prepared.set(client, names.add(name));
    return names.size >= preparedMax;
  }

  async listen(channel: string, onMessage: (payload: string) => void, onEnd: () => void): Promise<() => Promise<void>> {
    const { timers, statementMsMax } = this.#options;
    const client = await this.#connection();
    let open = true;
    const end = (): boolean => open && !(open = false);
    client.on('error', () => {}); // `end` follows
    client.on('notification', ({ payload }) => open && onMessage(payload ?? ''));
    client.on('end', () => {
      if (!end()) return;
      client.release(true);
      onEnd();
    });
    const close = async (): Promise<void> => {
      if (end()) client.release(true);
    };
    try {
      const text = `listen ${channel}`;
      const answer = await within(timers, statementMsMax, [], () => client.query({ text, rowMode: 'array' }));
      if (answer.kind === 'late') throw tooLate(statementMsMax);
      return close;
    } catch (error) {
      await close();
      throw statementFailure(error);
    }
  }

  async close(): Promise<void> {
    if (this.#options.owned) await this.#pool.end();
  }

  /** Nothing was sent before there is one. One that comes too late goes back. */
  async #connection(): Promise<PgPoolClient> {
    const { timers, statementMsMax } = this.#options;
    const connecting = this.#pool.connect();
    try {
      const connected = await atMost(timers, statementMsMax, [], () => connecting);
      if (connected.kind === 'done') return connected.value;
    } catch (error) {
      throw connectFailure(error);
    }
    connecting.then(
      (client) => client.release(),
      () => {}, // it was told as late
    );
    const values = { withinMs: statementMsMax };
    throw new LockstepError('unavailable', 'no connection to PostgreSQL came free in time', { values });
  }
}

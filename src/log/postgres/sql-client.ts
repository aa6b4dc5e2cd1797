/**
 * The little that this engine asks of a client for PostgreSQL, over either of two: `pg` (a pool) or `postgres` (its
 * `sql`). The shapes of both are written down here, so that whoever has one of them, or neither, can compile.
 * Statements are never named: a pooler in transaction mode may give each its own connection. Nothing is sent again here.
 */
import type { Timers } from '../../env/timers.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { within } from '../within.ts';
import { connectFailure, statementFailure } from './sql-errors.ts';

export type SqlValue = string | number | Uint8Array;
export type SqlRow = readonly unknown[];

/** Failures are LockstepErrors; those that a server told have its `sqlState` among their values. */
export interface SqlClient {
  /** One statement, in a transaction of its own. */
  query(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** One that changes nothing: what is lost of it is `unavailable`, never `unknown`. */
  look(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** Several statements without values, all of them or none. */
  script(text: string): Promise<void>;
  /** On a connection of its own, until that ends: then `onEnd` is called, once, unless it was closed here. */
  listen(channel: string, onMessage: (payload: string) => void, onEnd: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A `Pool` of `pg`. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  end(): Promise<void>;
}

export interface PgPoolClient {
  query(config: PgStatement): Promise<{ readonly rows: readonly unknown[][] }>;
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  release(destroy?: boolean): void;
}

export interface PgStatement {
  readonly text: string;
  readonly values?: unknown[];
  readonly rowMode: 'array';
}

/** The `sql` of `postgres`. */
export interface PostgresSql {
  (strings: TemplateStringsArray, ...values: never[]): unknown;
  unsafe(text: string, values?: never[], options?: { prepare?: boolean }): PostgresPending;
  listen(channel: string, onMessage: (payload: string) => void): PromiseLike<{ unlisten(): Promise<void> }>;
  end(options?: { timeout?: number }): Promise<void>;
}

export interface PostgresPending extends PromiseLike<unknown> {
  values(): PromiseLike<readonly unknown[][]>;
}

export interface SqlClientOptions {
  readonly timers: Timers;
  /** A statement that has not answered after this is given up, and its connection cut, where the client can do that. */
  readonly statementMsMax: number;
  /** Whether `close` ends the pool: it is ours. */
  readonly owned: boolean;
}

export const isPostgresSql = (connection: PgPool | PostgresSql): connection is PostgresSql =>
  typeof connection === 'function';

export function sqlClient(connection: PgPool | PostgresSql, options: SqlClientOptions): SqlClient {
  return isPostgresSql(connection) ? new PostgresClient(connection, options) : new PgClient(connection, options);
}

const tooLate = (withinMs: number): LockstepError =>
  new LockstepError('unknown', 'PostgreSQL did not answer', { values: { withinMs } });

async function harmless<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!isLockstepError(cause, 'unknown')) throw cause;
    throw new LockstepError('unavailable', cause.message, { cause });
  }
}

class PgClient implements SqlClient {
  readonly #pool: PgPool;
  readonly #options: SqlClientOptions;

  constructor(pool: PgPool, options: SqlClientOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  query(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#run({ text, values: [...values], rowMode: 'array' });
  }

  look(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return harmless(() => this.query(text, values));
  }

  async script(text: string): Promise<void> {
    await this.#run({ text, rowMode: 'array' }); // without values: one message, one transaction
  }

  async #run(statement: PgStatement): Promise<readonly SqlRow[]> {
    const { timers, statementMsMax } = this.#options;
    const client = await this.#connection();
    const onError = (): void => {}; // the statement under way rejects with it
    client.on('error', onError);
    let ended = false;
    try {
      const answer = await within(timers, statementMsMax, [], () => client.query(statement));
      if (answer.kind === 'late') throw tooLate(statementMsMax);
      ended = true;
      return answer.value.rows ?? [];
    } catch (error) {
      const failure = statementFailure(error);
      ended = failure.happened === 'no'; // the server told; the connection is good
      throw failure;
    } finally {
      client.off('error', onError);
      client.release(!ended);
    }
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
      const connected = await within(timers, statementMsMax, [], () => connecting);
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

class PostgresClient implements SqlClient {
  readonly #sql: PostgresSql;
  readonly #options: SqlClientOptions;

  constructor(sql: PostgresSql, options: SqlClientOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  query(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#run(async () => this.#sql.unsafe(text, [...values] as never[], { prepare: false }).values());
  }

  look(text: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return harmless(() => this.query(text, values));
  }

  async script(text: string): Promise<void> {
    await this.#run(async () => this.#sql.unsafe(text)); // without values: one message, one transaction
  }

  async #run<T>(send: () => Promise<T>): Promise<T> {
    const { timers, statementMsMax } = this.#options;
    try {
      const answer = await within(timers, statementMsMax, [], send);
      if (answer.kind === 'late') throw tooLate(statementMsMax); // this client cannot cut one connection
      return answer.value;
    } catch (error) {
      throw statementFailure(error);
    }
  }

  /** This client listens on a connection of its own and connects again by itself; a probe finds what it missed. */
  async listen(channel: string, onMessage: (payload: string) => void): Promise<() => Promise<void>> {
    try {
      const listening = await this.#sql.listen(channel, onMessage);
      return async () => {
        await Promise.resolve(listening.unlisten()).catch(() => {}); // its connection has ended: so has its listening
      };
    } catch (error) {
      throw statementFailure(error);
    }
  }

  async close(): Promise<void> {
    if (this.#options.owned) await this.#sql.end({ timeout: 1 });
  }
}

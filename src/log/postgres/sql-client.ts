/**
 * The little that this engine asks of a client for PostgreSQL, over either of two: `pg` (a pool) or `postgres` (its
 * `sql`). The shapes of both are written down here, so that whoever has one of them, or neither, can compile.
 * Statements are named only where connections lead straight to the server: a pooler in transaction mode may give each
 * its own. Nothing that may have had an effect is sent again here.
 */
import type { Timers } from '../../env/timers.ts';
import { within } from '../within.ts';
import type { CopyQuery } from './copied-rows.ts';
import { PgClient } from './pg-client.ts';
import { textOf, type Repeated } from './repeated.ts';
import { harmless, statementFailure, tooLate } from './sql-errors.ts';

export type SqlValue = string | number | Uint8Array;
export type SqlRow = readonly unknown[];

/** Failures are LockstepErrors; those that a server told have its `sqlState` among their values. */
export interface SqlClient {
  /** One statement, in a transaction of its own. One that says that it is repeated is prepared, where `prepareIfDirect` found that it can. */
  query(statement: string | Repeated, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** One that changes nothing: what is lost of it is `unavailable`, never `unknown`. */
  look(statement: string | Repeated, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** How many rows one statement put in, in a transaction of its own. Nothing else comes back, which is quicker. */
  change(statement: string | Repeated, values: readonly SqlValue[]): Promise<number>;
  /**
   * As `look`, for a statement without values whose last column is `bytea` and whose others are text: bytes come as
   * they are, where `look` gets two digits each. Null: this client, or this server, cannot.
   */
  copy(statement: string): Promise<readonly SqlRow[] | null>;
  /** Several statements without values, all of them or none. */
  script(text: string): Promise<void>;
  /** On a connection of its own, until that ends: then `onEnd` is called, once, unless it was closed here. */
  listen(channel: string, onMessage: (payload: string) => void, onEnd: () => void): Promise<() => Promise<void>>;
  /** Whether connections lead straight to a server, which then keeps what was prepared on them. */
  prepareIfDirect(): Promise<boolean>;
  close(): Promise<void>;
}

/** A `Pool` of `pg`. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  end(): Promise<void>;
}

export interface PgPoolClient {
  /** Of the server's process at the other end, as it, or whatever stands between, has said. */
  readonly processID?: number | null | undefined;
  /** It sends statements without waiting for the answers before; then it takes no `CopyQuery`. */
  readonly pipeline?: boolean | undefined;
  query(config: PgStatement): Promise<PgResult>;
  query(config: CopyQuery): unknown;
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  release(destroy?: boolean): void;
}

export interface PgResult {
  readonly rows: readonly unknown[][];
  readonly rowCount: number | null;
}

export interface PgStatement {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values?: unknown[] | undefined;
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
  values(): PromiseLike<readonly unknown[][] & { readonly count: number }>;
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

class PostgresClient implements SqlClient {
  readonly #sql: PostgresSql;
  readonly #options: SqlClientOptions;

  constructor(sql: PostgresSql, options: SqlClientOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  query(statement: string | Repeated, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const [text, options] = [textOf(statement), { prepare: false }];
    return this.#run(async () => this.#sql.unsafe(text, [...values] as never[], options).values());
  }

  change(statement: string | Repeated, values: readonly SqlValue[]): Promise<number> {
    const [text, options] = [textOf(statement), { prepare: false }];
    return this.#run(async () => (await this.#sql.unsafe(text, [...values] as never[], options).values()).count);
  }

  copy(): Promise<null> {
    return Promise.resolve(null);
  }

  /** This client does not tell which server process it talks to. */
  prepareIfDirect(): Promise<boolean> {
    return Promise.resolve(false);
  }

  look(statement: string | Repeated, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return harmless(() => this.query(statement, values));
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

/**
 * `lockstep/log/postgres`: logs in a PostgreSQL that you already run. `postgres(…)` names one; `open({ log })` or its
 * own `open` connects, looks at version and settings, and gives a `LogEngine`. It needs the package `pg` or `postgres`,
 * and the tables of `postgresSchema()`. What an acknowledgement is worth follows from the server's settings
 * (`docs/engines.md`).
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { logConfig, type LogConfig } from './config.ts';
import type { LogEngine } from './port.ts';
import type { LogSource, LogSourceEnv } from './source.ts';
import { storeEngine } from './store-engine.ts';
import { namesIn } from './postgres/schema.ts';
import type { PgPool, PostgresSql } from './postgres/sql-client.ts';
import { openPostgresStores } from './postgres/open.ts';

export { postgresSchema } from './postgres/schema.ts';
export type { PostgresSchemaOptions } from './postgres/schema.ts';
export type { PgPool, PgPoolClient, PgStatement, PostgresPending, PostgresSql } from './postgres/sql-client.ts';

export interface PostgresOptions {
  /**
   * To the primary: a connection string (`postgres://user@host/database`), from which a pool of our own is made; or a
   * `Pool` of `pg`, or the `sql` of `postgres`, which stay yours to close. Poolers in transaction mode are fine.
   */
  readonly connection: string | PgPool | PostgresSql;
  /** The package to make a pool with. Default `pg`, or `postgres` where that is the one installed. */
  readonly client?: 'pg' | 'postgres' | undefined;
  /** Where the tables are. Default `lockstep`. */
  readonly schema?: string | undefined;
  /** `apply`: makes them if they are missing. Default `refuse`: says what is missing. */
  readonly migrate?: 'refuse' | 'apply' | undefined;
  /**
   * Notifications, which keep a reader's lag at a few milliseconds: on a connection of its own, `true`; by a connection
   * string that leads past the pooler, that; `false`, polls alone. Where notifications do not arrive it polls, too.
   * Default `true`.
   */
  readonly listen?: boolean | string | undefined;
  /** Without notifications a waiting reader looks so often, in milliseconds; up to 16 times as rarely while nothing comes. Default 10. */
  readonly pollMs?: number | undefined;
  /** Records are kept, and trimmed, in tables of about so many bytes. Default 64 MiB. */
  readonly chunkBytes?: number | undefined;
  readonly config?: Partial<LogConfig> | undefined;
}

/** @throws LockstepError `misuse` for a schema or numbers that will not do. */
export function postgres(options: PostgresOptions): LogSource {
  const names = namesIn(options.schema ?? 'lockstep');
  const config = logConfig(options.config);
  const { pollMs = 10, chunkBytes = 64 * 1024 * 1024 } = options;
  for (const [name, value] of Object.entries({ pollMs, chunkBytes })) {
    if (!(Number.isFinite(value) && value > 0))
      throw new LockstepError('misuse', 'a setting of a log is a number above 0', { values: { [name]: value } });
  }
  return {
    name: 'postgres',
    async open(env: LogSourceEnv): Promise<LogEngine> {
      const resolved = {
        ...options,
        names,
        pollMs,
        chunkBytes,
        migrate: options.migrate ?? 'refuse',
        listen: options.listen ?? true,
        statementMsMax: config.attemptMsMax,
      };
      try {
        const stores = await openPostgresStores(env, resolved);
        return storeEngine(env, stores, { config: options.config, waits: env.waits });
      } catch (error) {
        // Nothing is open: whatever was lost on the way, opening again is harmless.
        if (!isLockstepError(error, 'unknown')) throw error;
        throw new LockstepError('unavailable', 'PostgreSQL could not be reached to the end', { cause: error });
      }
    },
  };
}

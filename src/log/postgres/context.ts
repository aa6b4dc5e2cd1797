/** What the stores of one engine share, and the one thing that both a trim and a removal do: drop a table. */
import type { LogId } from '../port.ts';
import type { LogPorts } from '../within.ts';
import type { Growth } from './growth.ts';
import type { Names } from './schema.ts';
import type { SqlClient } from './sql-client.ts';
import { sqlStateOf, sqlStates } from './sql-errors.ts';
import { dropScript } from './statements.ts';

export interface PostgresContext {
  readonly ports: LogPorts;
  readonly client: SqlClient;
  readonly names: Names;
  readonly growth: Growth;
  /** How far a commit waits. */
  readonly commitWait: string;
  /** Whether commits wait for a standby: then what is seen after a doubt may not be what is safe. */
  readonly waitsForStandby: boolean;
  /** A chunk is ended once it has so many bytes of records. */
  readonly chunkBytes: number;
}

/** `busy`: somebody reads it; it is dropped another time. */
export async function dropChunk(
  client: SqlClient,
  names: Names,
  id: LogId,
  number: number,
): Promise<'dropped' | 'busy'> {
  try {
    await client.script(dropScript(names, id, number));
    return 'dropped';
  } catch (error) {
    if (sqlStateOf(error) === sqlStates.lockNotAvailable) return 'busy';
    throw error;
  }
}

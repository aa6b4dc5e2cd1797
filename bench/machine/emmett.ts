/**
 * The same work in Emmett on PostgreSQL: its command handler (read the stream, decide, append at that version) with an inline
 * projection that keeps a document for each account, in Emmett's own document store. It is not among the dependencies, as its
 * peers bring MongoDB's driver: `missingAdvice` says how it is installed. Its store for SQLite needs a native module.
 */
import pg from 'pg';
import { hasPostgres, postgresServer } from '../engines/servers.ts';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { Deposits, fillAccounts, type Deposit, type Give, type Work } from './bank.ts';
import { readingOf, type StreamReads } from './ours.ts';

export const emmettName = 'Emmett on PostgreSQL';

const missingAdvice =
  'npm install --no-save --legacy-peer-deps --ignore-scripts @event-driven-io/emmett@0.42.0 ' +
  '@event-driven-io/emmett-postgresql@0.42.0 @event-driven-io/pongo@0.16.11 @event-driven-io/dumbo@0.12.7 ' +
  'async-retry@1.3.3 uuid@10.0.0 pg-connection-string@2 ansis@3 cli-table3 commander@12';

interface Deposited {
  readonly type: 'Deposited';
  readonly data: Deposit;
}

interface Balance {
  readonly balance: number;
  readonly deposits: number;
}

interface Store {
  readonly schema: { migrate(): Promise<void> };
  readStream(id: string): Promise<{ readonly events: readonly unknown[] }>;
  close(): Promise<void>;
}

/** What is used of it: its types are not there where it is not installed. */
interface Emmett {
  CommandHandler(code: {
    evolve(state: { balance: number }, event: Deposited): { balance: number };
    initialState(): { balance: number };
    readonly retry: { readonly onVersionConflict: true };
  }): (store: Store, id: string, decide: () => Deposited) => Promise<unknown>;
  readonly projections: { inline(all: readonly unknown[]): unknown };
  getPostgreSQLEventStore(url: string, options: object): Store;
  pongoSingleStreamProjection(code: {
    collectionName: string;
    canHandle: readonly string[];
    initialState(): Balance;
    evolve(balance: Balance, event: Deposited): Balance;
  }): unknown;
}

/** Null, and said loudly, where it is missing. */
export async function findEmmett(): Promise<Emmett | null> {
  if (!hasPostgres) return null;
  const packages = ['@event-driven-io/emmett', '@event-driven-io/emmett-postgresql'];
  try {
    const [core, store] = (await Promise.all(packages.map((name) => import(name)))) as readonly object[];
    return { ...core, ...store } as Emmett; // as its declarations say
  } catch {
    console.log(`\n!! Emmett is missing: it is NOT MEASURED.\n   ${missingAdvice}\n`);
    return null;
  }
}

export function emmettCommands(emmett: Emmett, connections: number, work: Work): Side {
  return side(emmett, { connections, isProjected: true }, async (store) => {
    const give = giveBy(emmett, store);
    await fillAccounts(1, 1, give, 1); // its collection is made by the first
    await fillAccounts(work.accounts, 1, give, connections);
    const deposits = new Deposits(work);
    return () => deposits.run(give);
  });
}

export function emmettReads(emmett: Emmett, reads: StreamReads): Side {
  return side(emmett, { connections: reads.callers, isProjected: false }, async (store) => {
    await fillAccounts(reads.streams, reads.events, giveBy(emmett, store), reads.callers);
    return () => readingOf(reads, async (key) => (await store.readStream(key)).events.length);
  });
}

function giveBy(emmett: Emmett, store: Store): Give {
  const handle = emmett.CommandHandler({
    initialState: () => ({ balance: 0 }),
    evolve: ({ balance }, { data: { amount } }) => ({ balance: balance + amount }),
    retry: { onVersionConflict: true }, // many at once conflict also where their streams are others
  });
  return (key, data) => handle(store, key, () => ({ type: 'Deposited', data }));
}

function side(
  emmett: Emmett,
  { connections, isProjected }: { readonly connections: number; readonly isProjected: boolean },
  prepareOn: (store: Store) => Promise<() => Promise<WorkDone>>,
): Side {
  postgresServer.expect();
  const balances = emmett.pongoSingleStreamProjection({
    collectionName: 'balances',
    canHandle: ['Deposited'],
    initialState: () => ({ balance: 0, deposits: 0 }),
    evolve: ({ balance, deposits }, { data: { amount } }) => ({ balance: balance + amount, deposits: deposits + 1 }),
  });
  const prepare = async (): Promise<Prepared> => {
    const { url } = await postgresServer.take();
    const pool = new pg.Pool({ connectionString: url, max: connections });
    const store = emmett.getPostgreSQLEventStore(url, {
      connectionOptions: { pooled: true, pool },
      projections: isProjected ? emmett.projections.inline([balances]) : [],
    });
    await store.schema.migrate();
    const run = await prepareOn(store);
    const close = async (): Promise<void> => {
      await store.close();
      if (!pool.ended) await pool.end();
      await postgresServer.leave();
    };
    return { run, close };
  };
  return { name: emmettName, durability: 'machine', prepare };
}

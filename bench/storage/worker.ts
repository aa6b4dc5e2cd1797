/**
 * The process of a side, so that no side's memory, garbage or threads are another's: opens its store in a folder, and
 * at every message does a run of the kind it was opened for.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Pauses } from './pauses.ts';
import { load, Runs, type RunOptions } from './runs.ts';
import type { OpensStore, StoreDurability } from './store.ts';

/** Each loaded only where it is measured. */
const stores = {
  tree: async () => (await import('./ours.ts')).openOurs,
  'classic-level': async () => (await import('./classic-level.ts')).openClassicLevel,
  lmdb: async () => (await import('./lmdb.ts')).openLmdb,
  sqlite: async () => (await import('./sqlite.ts')).openSqlite,
  'rocksdb-native': async () => (await import('./rocksdb.ts')).openRocksDb,
} satisfies Readonly<Record<string, () => Promise<OpensStore>>>;

export type StoreName = keyof typeof stores;

export interface WorkerOrder extends RunOptions {
  readonly store: StoreName;
  readonly durability: StoreDurability;
  /** Where the keys are, or, of a load, where there is room for them. */
  readonly folder: string;
}

export interface WorkerAnswer {
  readonly ms: number;
  readonly checksum: number;
  readonly operations: number;
  readonly latenciesMs: Float64Array | null;
  readonly facts: Readonly<Record<string, number>>;
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    // What it takes of the disk: files may have holes. A compaction in the background may just have removed it.
    bytes += (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  }
  return bytes;
}

const memory = (): Readonly<Record<string, number>> => ({
  'rss MiB': process.memoryUsage.rss() / 2 ** 20,
  'peak rss MiB': process.resourceUsage().maxRSS / 1_024,
});

interface Opened {
  run(): Promise<WorkerAnswer>;
  close(): Promise<unknown> | void;
}

async function open(order: WorkerOrder): Promise<Opened> {
  const { store: name, folder, durability, kind, operations } = order;
  const pauses = new Pauses();
  const openStore = await stores[name]();
  if (kind === 'load') return { run: () => loadAnew(openStore, order, pauses), close: () => {} };
  const store = await openStore(folder, durability);
  const runs = new Runs(store, order);
  const run = async (): Promise<WorkerAnswer> => {
    globalThis.gc?.();
    pauses.start();
    const startedAt = performance.now();
    const { checksum, latenciesMs } = await runs.run();
    const ms = performance.now() - startedAt;
    return { ms, checksum, operations, latenciesMs, facts: { ...pauses.stop(), ...memory() } };
  };
  return { run, close: () => store.close() };
}

/** Into an empty folder each time; what is measured is up to the last answer. Then it is closed, opened and weighed. */
async function loadAnew(
  openStore: OpensStore,
  { folder, durability, keys }: WorkerOrder,
  pauses: Pauses,
): Promise<WorkerAnswer> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  globalThis.gc?.();
  const store = await openStore(folder, durability);
  pauses.start();
  const startedAt = performance.now();
  const { checksum } = await load(store, keys);
  const ms = performance.now() - startedAt;
  const facts = { ...pauses.stop(), ...memory() };
  await store.settle();
  await store.close();
  const raw = keys * 116;
  return {
    ms,
    checksum,
    operations: keys,
    latenciesMs: null,
    facts: { ...facts, 'disk / raw': bytesIn(folder) / raw },
  };
}

/** What the process is told; it answers each. */
export type WorkerCall = { readonly kind: 'open'; readonly order: WorkerOrder } | { readonly kind: 'run' | 'close' };

let opened: Opened | null = null;

async function answer(call: WorkerCall): Promise<WorkerAnswer | null> {
  if (call.kind === 'open') opened = await open(call.order);
  else if (call.kind === 'run') return (await opened?.run()) ?? null;
  else await opened?.close();
  return null;
}

process.on('message', (call: WorkerCall) => {
  answer(call).then(
    (answered) => process.send?.(answered),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit(0));

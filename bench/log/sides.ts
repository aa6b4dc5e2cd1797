/** Our sides of the log's rows: what is measured, whatever keeps the entries. */
import type { Durability, Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from './folder.ts';
import { type Load, runLoad } from './load.ts';
import { PauseMeter } from './pause-meter.ts';

export interface Subject {
  readonly name: string;
  readonly durability: Durability;
  /** Opens what is in this folder, or makes it. */
  open(folder: string): Promise<Keeper>;
}

/** Something open that keeps entries. */
export interface Keeper {
  /** Takes the bytes before it returns, resolves once the entry is as durable as promised. */
  append(entry: Uint8Array): Promise<unknown>;
  /** All that is kept, from the first to the last: its entries, and the sum of the first four bytes of each. */
  readAll(): Promise<{ readonly entries: number; readonly sum: number }>;
  /** Lets go of everything so far. */
  trim(): Promise<void>;
  /** Where it ends; grows with every record. */
  end(): Promise<number>;
  close(): Promise<void>;
}

/**
 * `in-use`: it has been written and trimmed for a while, as by checkpoints, so that its files are used again.
 * `growing`: it is never trimmed, and its files only grow.
 */
type Age = 'in-use' | 'growing';

export const growingName = (name: string): string => `${name}, never trimmed`;

/** A log in use has written and let go of so much, several times its files, in this many rounds. */
const agedRounds = 5;
const ageing: Load = { callers: 256, entries: 16_384, entryBytes: 4_096 };

interface AppendingOptions {
  readonly age: Age;
  readonly quick: boolean;
  readonly memory?: MemoryMeter;
}

/** Callers append until all entries are acknowledged. A log in use lets go of what it wrote after each run, on the run's time. */
export function appending(subject: Subject, load: Load, { age, quick, memory }: AppendingOptions): Side {
  const { name, durability, open } = subject;
  const prepare = async (): Promise<Prepared> => {
    const folder = openFolder();
    const keeper = await open(folder.path);
    const pauses = new PauseMeter();
    for (let round = 0; age === 'in-use' && !quick && round < agedRounds; round++) {
      await runLoad(ageing, (entry) => keeper.append(entry));
      await keeper.trim();
    }
    const run = async (): Promise<WorkDone> => {
      pauses.start();
      const done = await runLoad(load, (entry) => keeper.append(entry));
      const facts = { 'longest pause ms': pauses.stop(), ...memory?.look(load.entries) };
      if (age === 'in-use') await keeper.trim();
      return { ...done, facts };
    };
    const close = async (): Promise<void> => {
      await keeper.close();
      folder.remove();
    };
    return { run, close };
  };
  return { name: age === 'growing' ? growingName(name) : name, durability, prepare };
}

/**
 * What the process has grown by since the end of the first run, which is the warm-up. V8 sizes its young generation once
 * or twice while the process is young (48 MiB, then nothing over 30 M entries more), so the room that the heap has and
 * does not use is left out; all of it stands beside as `rss MiB`.
 */
export class MemoryMeter {
  #firstMiB: number | null = null;
  #entries = 0;

  look(entries: number): Readonly<Record<string, number>> {
    globalThis.gc?.();
    const { rss, heapTotal, heapUsed } = process.memoryUsage();
    const heldMiB = (rss - heapTotal + heapUsed) / 2 ** 20;
    this.#firstMiB ??= heldMiB;
    this.#entries += entries;
    return { 'rss MiB': rss / 2 ** 20, 'grown MiB': heldMiB - this.#firstMiB, 'entries in all': this.#entries };
  }
}

/** One reader from the first record to the last, and into every entry. */
export function readingBack({ name, durability, open }: Subject, load: Load): Side {
  const prepare = async (): Promise<Prepared> => {
    const folder = openFolder();
    const keeper = await open(folder.path);
    await runLoad(load, (entry) => keeper.append(entry));
    const run = async (): Promise<WorkDone> => {
      const { entries, sum } = await keeper.readAll();
      if (entries !== load.entries) throw new Error(`${name} has ${entries} of ${load.entries} entries`);
      return { checksum: sum, operations: entries, bytes: entries * load.entryBytes };
    };
    const close = async (): Promise<void> => {
      await keeper.close();
      folder.remove();
    };
    return { run, close };
  };
  return { name, durability, prepare };
}

/** Opening what was closed, up to the answer where it ends. What was just written is in the page cache. */
export function opening({ name, durability, reopen, open }: Reopened, load: Load): Side {
  const prepare = async (): Promise<Prepared> => {
    const folder = openFolder();
    const keeper = await open(folder.path);
    await runLoad(load, (entry) => keeper.append(entry));
    const end = await keeper.end();
    await keeper.close();
    const run = async (): Promise<WorkDone> => {
      const startedAt = performance.now();
      const opened = await reopen(folder.path);
      const found = await opened.end();
      const latenciesMs = Float64Array.of(performance.now() - startedAt);
      await opened.close();
      if (found < end) throw new Error(`${name} ended at ${end} and opens at ${found}`);
      return { checksum: end, latenciesMs, facts: { MiB: (load.entries * load.entryBytes) / 2 ** 20 } };
    };
    return { run, close: () => folder.remove() };
  };
  return { name, durability, prepare };
}

/** What is only opened, to read and to ask where it ends, without becoming its writer. */
export interface Reopened extends Subject {
  reopen(folder: string): Promise<Pick<Keeper, 'end' | 'close'>>;
}

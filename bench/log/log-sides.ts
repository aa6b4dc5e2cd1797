/** Our side of the log's rows, over the port alone: any engine can stand here. */
import { beforeFirst } from '../../src/log/coordinates.ts';
import type { Log, LogEngine, LogWriter } from '../../src/log/port.ts';
import type { Durability, Prepared, Side, WorkDone } from '../harness.ts';
import { Gatherer, readGathered } from './gatherer.ts';
import { type Load, runLoad } from './load.ts';
import { PauseMeter } from './pause-meter.ts';

/** An engine in a place of its own, and what ends both. */
export interface Placed {
  readonly engine: LogEngine;
  remove(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  readonly durability: Durability;
  place(): Promise<Placed>;
}

const logName = 'bench';
/** A group is closed at this size at the latest, if the engine takes that much. */
const payloadBytesMax = 2 * 1_024 * 1_024;

interface Opened extends Placed {
  readonly log: Log;
  readonly writer: LogWriter;
  readonly gatherer: Gatherer;
}

async function openPlaced(subject: Subject): Promise<Opened> {
  const placed = await subject.place();
  const log = await placed.engine.open(logName, { create: true });
  if (log === null) throw new Error('a log that may be created is there');
  const writer = await log.acquire({ owner: 'bench' });
  const bytesMax = Math.min(payloadBytesMax, placed.engine.guarantees.payloadBytesMax);
  return { ...placed, log, writer, gatherer: new Gatherer(writer, bytesMax) };
}

async function closePlaced({ log, writer, engine, remove }: Opened): Promise<void> {
  await writer.release();
  await log.close();
  await engine.close();
  await remove();
}

/** Callers append until all entries are acknowledged. Each run lets go of what the last one wrote, as a log in use does. */
export function appending(subject: Subject, load: Load, memory: MemoryMeter | null = null): Side {
  const prepare = async (): Promise<Prepared> => {
    const opened = await openPlaced(subject);
    const pauses = new PauseMeter();
    const run = async (): Promise<WorkDone> => {
      pauses.start();
      const done = await runLoad(load, (entry) => opened.gatherer.append(entry));
      const facts = { 'longest pause ms': pauses.stop(), ...memory?.look(load.entries) };
      await opened.log.trim(await opened.log.tail());
      return { ...done, facts };
    };
    return { run, close: () => closePlaced(opened) };
  };
  return { name: subject.name, durability: subject.durability, prepare };
}

/** How the process has grown since the end of the first run, which is the warm-up. */
export class MemoryMeter {
  #firstMiB: number | null = null;
  #entries = 0;

  look(entries: number): Readonly<Record<string, number>> {
    globalThis.gc?.();
    const nowMiB = process.memoryUsage.rss() / 2 ** 20;
    this.#firstMiB ??= nowMiB;
    this.#entries += entries;
    return { 'rss MiB': nowMiB, 'rss grown MiB': nowMiB - this.#firstMiB, 'entries in all': this.#entries };
  }
}

/** One reader from the first record to the last, and into every entry. */
export function readingBack(subject: Subject, load: Load): Side {
  const prepare = async (): Promise<Prepared> => {
    const opened = await openPlaced(subject);
    await runLoad(load, (entry) => opened.gatherer.append(entry));
    const run = async (): Promise<WorkDone> => {
      const last = await opened.log.tail();
      let [entries, sum, records] = [0, 0, 0];
      for await (const batch of opened.log.read(beforeFirst)) {
        if (batch.kind !== 'records') throw new Error(`the log is ${batch.kind}`);
        for (const record of batch.records) {
          records++;
          if (record.sequence === 0) continue; // the claim
          const found = readGathered(record.payload);
          entries += found.entries;
          sum += found.sum;
        }
        if (batch.records.at(-1)?.position === last) break;
      }
      if (entries !== load.entries) throw new Error(`${entries} of ${load.entries} entries are in the log`);
      return {
        checksum: sum,
        operations: entries,
        bytes: entries * load.entryBytes,
        facts: { 'log records': records },
      };
    };
    return { run, close: () => closePlaced(opened) };
  };
  return { name: subject.name, durability: subject.durability, prepare };
}

/** Opening a log that was closed, up to the answer where it ends. What was just written is in the page cache. */
export function opening(subject: Subject, load: Load): Side {
  const prepare = async (): Promise<Prepared> => {
    const opened = await openPlaced(subject);
    await runLoad(load, (entry) => opened.gatherer.append(entry));
    await opened.writer.release();
    await opened.log.close();
    const run = async (): Promise<WorkDone> => {
      const startedAt = performance.now();
      const log = await opened.engine.open(logName, { create: false });
      if (log === null) throw new Error('the log is gone');
      const tail = await log.tail();
      const latenciesMs = Float64Array.of(performance.now() - startedAt);
      await log.close();
      return { checksum: tail, latenciesMs, facts: { MiB: (load.entries * load.entryBytes) / 2 ** 20 } };
    };
    const close = async (): Promise<void> => {
      await opened.engine.close();
      await opened.remove();
    };
    return { run, close };
  };
  return { name: subject.name, durability: subject.durability, prepare };
}

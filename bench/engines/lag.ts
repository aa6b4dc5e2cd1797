/**
 * How long a record takes to a reader in another process, while its writer works at full load: from the call that
 * appends it, so that its commit is part of it, to the reader's batch. Both read the machine's monotonic clock.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { LogWriter } from '../../src/log/port.ts';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { Gatherer } from '../log/gatherer.ts';
import { type Load, runLoad } from '../log/load.ts';
import type { ReaderAnswer, ReaderOrder } from './lag-reader.ts';
import { type Ground, logName, openLog } from './ours.ts';

/** Where in the payload the time stands: behind the length of its first entry, and that entry's number. */
export const stampAt = 8;
export const microseconds = (): number => Number(process.hrtime.bigint() / 1_000n);

export function lagging(ground: Ground, load: Load): Side {
  ground.expect();
  const prepare = async (): Promise<Prepared> => {
    const opened = await ground.open();
    const bench = await openLog(opened.where);
    const writer = await bench.log.acquire({ owner: 'bench' });
    const gatherer = new Gatherer(stamping(writer), 262_144);
    const reader = await LagReader.start({ where: opened.where, from: await bench.log.tail() });
    const run = async (): Promise<WorkDone> => {
      const { checksum, operations } = await runLoad(load, (entry) => gatherer.append(entry));
      const latenciesMs = await reader.collect(await bench.log.tail());
      await bench.log.trim(await bench.log.tail());
      return { checksum, latenciesMs, operations: operations ?? load.entries, facts: { records: latenciesMs.length } };
    };
    const close = async (): Promise<void> => {
      await reader.end();
      await writer.release();
      await bench.engine.remove(logName);
      await bench.close();
      await opened.close();
    };
    return { run, close };
  };
  return { name: ground.name, durability: ground.durability, prepare };
}

/** Puts the time of the append into its record. */
const stamping = (writer: LogWriter): LogWriter =>
  new Proxy(writer, {
    get(target, key) {
      if (key !== 'append') return Reflect.get(target, key, target) as unknown;
      return (entry: Parameters<LogWriter['append']>[0]) => {
        const { buffer, byteOffset, length } = entry.payload;
        new DataView(buffer, byteOffset, length).setFloat64(stampAt, microseconds());
        return target.append(entry);
      };
    },
  });

class LagReader {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(order: ReaderOrder): Promise<LagReader> {
    const child = fork(new URL('./lag-reader.ts', import.meta.url), [JSON.stringify(order)], { execArgv: [] });
    const reader = new LagReader(child);
    await reader.#answer();
    return reader;
  }

  /** Of all records since the last time, once it has seen this one. */
  async collect(position: number): Promise<Float64Array> {
    this.#child.send(position);
    return Float64Array.from((await this.#answer()).lagsMs);
  }

  async end(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
  }

  async #answer(): Promise<ReaderAnswer> {
    const ended = once(this.#child, 'exit').then(() => Promise.reject(new Error('the reader ended')));
    const [answer] = (await Promise.race([once(this.#child, 'message'), ended])) as [ReaderAnswer];
    ended.catch(() => {}); // it ends some day
    return answer;
  }
}

/** What a partition of ours stands on: a log, and a folder for its state. */
import { fileEngine } from '../../src/log/file.ts';
import { memoryEngine } from '../../src/log/memory.ts';
import type { Log, LogEngine } from '../../src/log/port.ts';
import { type HostEnv, openHostEnv } from '../../src/os/env.ts';
import { openPartition, type PartitionOptions } from '../../src/partition/open-partition.ts';
import type { Partition } from '../../src/partition/partition.ts';
import { type Ground, openLog } from '../engines/ours.ts';
import type { Durability } from '../harness.ts';
import { openFolder } from '../log/folder.ts';

export interface LogPlace {
  readonly name: string;
  readonly durability: Durability;
  /** Said by each side that will open it, before any of them does. */
  expect(): void;
  open(host: HostEnv): Promise<OpenedPlace>;
}

export interface OpenedPlace {
  readonly log: Log;
  readonly payloadBytesMax: number;
  close(): Promise<void>;
}

const MiB = 1_024 * 1_024;

export const onFile: LogPlace = ofEngine('ours', 'machine', (host) => fileEngine(host, 'logs'));

/** What our side of the work costs without a log's disk; its state is on one, as everywhere. */
export const inMemory: LogPlace = ofEngine('ours, log in memory', 'none', (host) =>
  memoryEngine(host, { bytesMax: 1_024 * MiB }),
);

export const onServers = (ground: Ground): LogPlace => ({
  name: ground.name,
  durability: ground.durability,
  expect: () => ground.expect(),
  open: async () => {
    const opened = await ground.open();
    const { log, engine, close } = await openLog(opened.where);
    return {
      log,
      payloadBytesMax: engine.guarantees.payloadBytesMax,
      close: async () => {
        await close();
        await opened.close();
      },
    };
  },
});

function ofEngine(
  name: string,
  durability: Durability,
  engineOver: (host: HostEnv) => LogEngine | Promise<LogEngine>,
): LogPlace {
  const open = async (host: HostEnv): Promise<OpenedPlace> => {
    const engine = await engineOver(host);
    const log = await engine.open('bench', { create: true });
    if (log === null) throw new Error('a log that may be made is there');
    const close = async (): Promise<void> => {
      await log.close();
      await engine.close();
    };
    return { log, payloadBytesMax: engine.guarantees.payloadBytesMax, close };
  };
  return { name, durability, expect: () => {}, open };
}

export interface OpenedPartition {
  readonly partition: Partition;
  /** Where its state lies. */
  readonly folder: string;
  close(): Promise<void>;
}

/** A new one, which this process leads. */
export async function openLeading(place: LogPlace, options: Partial<PartitionOptions> = {}): Promise<OpenedPartition> {
  const folder = openFolder();
  const host = await openHostEnv({ data: folder.path });
  const { log, payloadBytesMax, close } = await place.open(host);
  const partition = await openPartition(host, { log, payloadBytesMax, directory: 'state', owner: 'bench', ...options });
  await partition.leading();
  return {
    partition,
    folder: `${folder.path}/state`,
    close: async () => {
      await partition.close();
      await close();
      await host.close();
      folder.remove();
    },
  };
}

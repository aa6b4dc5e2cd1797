/** What is planted in a contender, or between it and its log, to test the scenario `partition`. */
import { ByteWriter } from '../../../src/bytes/byte-writer.ts';
import type { Hold, Log, LogEntry, LogRecord, LogWriter } from '../../../src/log/port.ts';
import { decodeGroup, GroupPayload } from '../../../src/partition/group-payload.ts';
import { meaningOf } from '../../../src/partition/key-space.ts';
import { applyBatch, WriteBatch } from '../../../src/storage/write-batch.ts';

export interface PartitionBug {
  readonly log?: (log: Log) => Log;
  readonly commandWindowMs?: number;
  /** A rejection, or what was read, is told before what it rests on is durable. */
  readonly tellsEarly?: boolean;
  /** Remembered command ids are forgotten early. */
  readonly forgetsCommands?: boolean;
  /** What is kept above the partition outlives the epoch. */
  readonly cache?: Map<string, number>;
  readonly token?: (token: string) => string;
}

type WriterChange = (writer: LogWriter) => Partial<LogWriter>;

/** A log of which some calls do something else. */
export function otherLog(log: Log, changes: Partial<Log>): Log {
  return {
    id: log.id,
    read: (from, options) => log.read(from, options),
    tail: () => log.tail(),
    acquire: (options) => log.acquire(options),
    trim: (before) => log.trim(before),
    hold: (position) => log.hold(position),
    close: () => log.close(),
    ...changes,
  };
}

function withWriter(log: Log, change: WriterChange): Log {
  return otherLog(log, {
    acquire: async (options) => {
      const writer = await log.acquire(options);
      return {
        epoch: writer.epoch,
        start: writer.start,
        get chain() {
          return writer.chain;
        },
        lost: writer.lost,
        append: (entry) => writer.append(entry),
        confirm: () => writer.confirm(),
        release: () => writer.release(),
        ...change(writer),
      };
    },
  });
}

/** Three times of four it says that it leads, without looking. */
function confirmsByItself(log: Log): Log {
  let asked = 0;
  return withWriter(log, (writer) => ({
    confirm: async () => (asked++ % 4 === 3 ? writer.confirm() : 'held'),
  }));
}

/** A state that is written and that nobody reads: only a scrub sees whether it is the same everywhere. */
export const trailSystem = 'trail';

/** What is read of this log lacks every third deletion of a range in the trail: whoever follows differs from whoever led. */
function dropsRanges(log: Log): Log {
  let count = 0;
  const without = (record: LogRecord): LogRecord => {
    if (record.revisionCount === 0) return record;
    const { floor, transactions } = decodeGroup(record.payload, record.revisionCount);
    const payload = new GroupPayload(new ByteWriter(2 * record.payload.length), floor);
    for (const { time, batch } of transactions) {
      const kept = new WriteBatch();
      applyBatch(batch, {
        put: (bytes, keyStart, keyEnd, start, end) =>
          void kept.put(bytes.slice(keyStart, keyEnd), bytes.slice(start, end)),
        delete: (bytes, start, end) => void kept.delete(bytes.slice(start, end)),
        deleteRange: (start, end) => {
          const isDropped = meaningOf(start).system === trailSystem && count++ % 3 === 2;
          if (!isDropped) kept.deleteRange(start, end);
        },
      });
      payload.add(time, kept.view());
    }
    return { ...record, payload: payload.view() };
  };
  return otherLog(log, {
    async *read(from, options) {
      for await (const batch of log.read(from, options))
        yield batch.kind === 'records' ? { kind: 'records', records: batch.records.map(without) } : batch;
    },
  });
}

/** Before-images show what a key is after its transaction. */
function showsWhatIsAfter(log: Log): Log {
  const imagesOf = (batch: Uint8Array): Uint8Array => {
    const images = new WriteBatch();
    const skipped = (): void => {};
    applyBatch(batch, {
      put: (bytes, keyStart, keyEnd, start, end) =>
        void images.put(bytes.slice(keyStart, keyEnd), bytes.slice(start, end)),
      delete: skipped,
      deleteRange: skipped,
    });
    return images.view();
  };
  const changed = (entry: LogEntry): LogEntry => {
    const { floor, transactions } = decodeGroup(entry.payload, entry.revisionCount);
    const payload = new GroupPayload(new ByteWriter(3 * entry.payload.length), floor);
    for (const { time, batch, images } of transactions) payload.add(time, batch, images && imagesOf(batch));
    return { ...entry, payload: payload.view() };
  };
  return withWriter(log, (writer) => ({ append: (entry) => writer.append(changed(entry)) }));
}

const noHold: Hold = { move: () => {}, release: () => {} };

/** The log is kept for the replica's own state alone, which takes its hold first. */
function ignoresHolds(log: Log): Log {
  let count = 0;
  return otherLog(log, { hold: (position) => (count++ === 0 ? log.hold(position) : noHold) });
}

/** Made anew for each run. */
export const partitionBugs: Readonly<Record<string, () => PartitionBug>> = {
  'releases-rejections-early': () => ({ tellsEarly: true }),
  'confirms-by-itself': () => ({ log: confirmsByItself }),
  'keeps-its-cache': () => ({ cache: new Map() }),
  'forgets-commands-early': () => ({ forgetsCommands: true }),
  'trims-what-is-needed': () => ({
    log: (log) => otherLog(log, { trim: async () => log.trim(await log.tail()), hold: () => noHold }),
  }),
  'ignores-holds': () => ({ log: ignoresHolds }),
  'before-images-of-after': () => ({ log: showsWhatIsAfter }),
  'followers-drop-ranges': () => ({ log: dropsRanges }),
  'tells-tokens-of-before': () => ({
    token: (token) => {
      const at = token.lastIndexOf('.') + 1;
      return token.slice(0, at) + Math.max(0, Number.parseInt(token.slice(at), 36) - 1).toString(36);
    },
  }),
};

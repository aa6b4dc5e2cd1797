/** What is planted in a contender, or between it and its log, to test the scenario `partition`. */
import type { Hold, Log, LogWriter } from '../../../src/log/port.ts';

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

const noHold: Hold = { move: () => {}, release: () => {} };

/** Made anew for each run. */
export const partitionBugs: Readonly<Record<string, () => PartitionBug>> = {
  'releases-rejections-early': () => ({ tellsEarly: true }),
  'confirms-by-itself': () => ({ log: confirmsByItself }),
  'keeps-its-cache': () => ({ cache: new Map() }),
  'forgets-commands-early': () => ({ forgetsCommands: true }),
  'trims-what-is-needed': () => ({
    log: (log) => otherLog(log, { trim: async () => log.trim(await log.tail()), hold: () => noHold }),
  }),
  'tells-tokens-of-before': () => ({
    token: (token) => {
      const at = token.lastIndexOf('.') + 1;
      return token.slice(0, at) + Math.max(0, Number.parseInt(token.slice(at), 36) - 1).toString(36);
    },
  }),
};

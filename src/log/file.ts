/**
 * Logs in files: a directory for each, on a disk of this machine. One process has the directory at a time; of two that
 * try, the one that claimed last acknowledges and the other one cannot, whatever either was doing and for however long
 * it was stopped. Network file systems are not supported: they do not promise that of two who create one name one
 * fails, nor that a name created there is seen here at once.
 */
import { syncUpwards } from '../env/path.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Waits } from '../observe/waits.ts';
import { journalLimits, type JournalLimits } from '../wal/journal-options.ts';
import type { JournalCut } from '../wal/recovery.ts';
import { newLogId } from './chain.ts';
import { logConfig, type LogConfig } from './config.ts';
import { FileCore, type FilePorts } from './file-core.ts';
import { clearLog, isDraft, join, listLog, readIdentity, writeIdentity } from './file-format.ts';
import { FileLog } from './file-log.ts';
import type { Guarantees, Log, LogEngine, LogId } from './port.ts';
import { recordHeaderBytesMax, RecordCodec } from './record.ts';
import { checkLogName } from './store-engine.ts';

export interface FileEngineOptions {
  /** `silenceMs` is about others in this process: another process that had the log is never waited for. */
  readonly config?: Partial<LogConfig> | undefined;
  /** Of the journals that the log is made of. */
  readonly limits?: Partial<JournalLimits> | undefined;
  /** The largest payload, in bytes; a group of the journal must have room for it. Default 2 MiB. */
  readonly payloadBytesMax?: number | undefined;
  /** Where everything that waits is entered, so that `explain` shows it. */
  readonly waits?: Waits | undefined;
  /** Hears of every torn end that opening left out: bytes of an append that nobody was told of. */
  readonly onCut?: ((log: string, cut: JournalCut) => void) | undefined;
}

/** The guarantees of logs in files. */
export const fileGuarantees: Guarantees = Object.freeze({
  survives: 'machine',
  failoverKeepsAcknowledged: null,
  payloadBytesMax: 2 * 1024 * 1024,
  because:
    'every append is synced to a disk of this machine before it is acknowledged; a disk that lies about it, loses what ' +
    'it has, or is mounted over a network breaks that',
});

/**
 * An engine over the logs in `directory`, which must be this process' alone by some other arrangement, such as
 * `openFileEngine`. Opening a log claims it: a process that had it open acknowledges nothing from then on.
 * @throws LockstepError `misuse` for settings that do not go together.
 */
export function fileEngine(env: FilePorts, directory: string, options: FileEngineOptions = {}): LogEngine {
  return new FileEngine(env, directory, options, null);
}

/** For the room's own use: the same, with `mayClaim` asked before every claim; it throws when the directory is another's. */
export function guardedFileEngine(
  env: FilePorts,
  directory: string,
  options: FileEngineOptions,
  mayClaim: () => void,
): LogEngine {
  return new FileEngine(env, directory, options, mayClaim);
}

interface Opened {
  readonly core: FileCore;
  handles: number;
}

class FileEngine implements LogEngine {
  readonly name = 'file';
  readonly guarantees: Guarantees;
  readonly #ports: FilePorts;
  readonly #directory: string;
  readonly #options: FileEngineOptions;
  readonly #mayClaim: (() => void) | null;
  readonly #config: LogConfig;
  readonly #opened = new Map<string, Opened>();
  readonly #handles = new Set<Log>();
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(ports: FilePorts, directory: string, options: FileEngineOptions, mayClaim: (() => void) | null) {
    this.#mayClaim = mayClaim;
    this.#ports = ports;
    this.#directory = directory;
    this.#options = options;
    this.#config = logConfig(options.config);
    const payloadBytesMax = options.payloadBytesMax ?? fileGuarantees.payloadBytesMax;
    const groupBytesMax = options.limits?.groupBytesMax ?? journalLimits.groupBytesMax;
    if (payloadBytesMax + recordHeaderBytesMax + 8 > groupBytesMax)
      throw new LockstepError('misuse', 'a group of the journal has room for the largest payload', {
        values: { payloadBytesMax, groupBytesMax },
      });
    this.guarantees = Object.freeze({ ...fileGuarantees, payloadBytesMax });
  }

  open(name: string, { create }: { readonly create: boolean }): Promise<Log | null> {
    return this.#inTurn(async () => {
      checkLogName(name);
      if (this.#closed) throw new LockstepError('stopped', 'the engine is closed');
      const opened = this.#opened.get(name) ?? (await this.#open(name, create));
      if (opened === null) return null;
      opened.handles++;
      const log: FileLog = new FileLog(opened.core, async () => {
        this.#handles.delete(log);
        if (--opened.handles > 0) return;
        if (this.#opened.get(name) === opened) this.#opened.delete(name);
        await opened.core.close();
      });
      this.#handles.add(log);
      return log;
    });
  }

  async list(): Promise<readonly string[]> {
    const names = (this.#ports.disk.list(this.#directory) ?? []).filter(({ kind }) => kind === 'directory');
    return names.map(({ name }) => name).filter((name) => this.#isThere(name));
  }

  remove(name: string): Promise<'removed' | 'absent'> {
    return this.#inTurn(async () => {
      checkLogName(name);
      const { disk } = this.#ports;
      const directory = join(this.#directory, name);
      const opened = this.#opened.get(name);
      this.#opened.delete(name);
      const isThere = this.#isThere(name);
      if (isThere) {
        disk.open(join(directory, 'removing'), 'create')?.close();
        await disk.syncDirectory(directory);
      }
      opened?.core.vanish();
      const listing = listLog(disk, directory);
      if (!isThere || listing === null) return 'absent';
      await clearLog(disk, directory, listing);
      if (listing.foreign.length === 0) await disk.remove(directory);
      await disk.syncDirectory(this.#directory);
      return 'removed';
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    for (const log of this.#handles) await log.close();
  }

  async #open(name: string, create: boolean): Promise<Opened | null> {
    const directory = join(this.#directory, name);
    const id = await this.#identity(directory, create);
    if (id === null) return null;
    const { limits = {}, waits = null, onCut } = this.#options;
    const core = new FileCore({
      ports: this.#ports,
      config: this.#config,
      limits,
      codec: new RecordCodec(this.guarantees.payloadBytesMax),
      waits,
      onCut: onCut === undefined ? null : (cut) => onCut(name, cut),
      mayClaim: this.#mayClaim,
      name,
      directory,
      id,
    });
    await core.open();
    const opened = { core, handles: 0 };
    this.#opened.set(name, opened);
    return opened;
  }

  /** Of the log that is there, or of one that is made now. */
  async #identity(directory: string, create: boolean): Promise<LogId | null> {
    const { disk, randomness } = this.#ports;
    const listing = listLog(disk, directory);
    const kept = listing === null || listing.isGoing ? null : readIdentity(disk, directory);
    if (kept !== null) {
      await syncUpwards(disk, directory); // its maker may have stopped before it did
      return kept;
    }
    if (listing !== null && !listing.isGoing && listing.files.some(({ name }) => !isDraft(name)))
      throw new LockstepError('corrupt', 'a log has lost its identity', {
        values: { path: join(directory, 'identity'), offset: 0 },
        advice: ['restore the file from a backup; nothing was overwritten'],
      });
    if (!create) return null;
    if (listing !== null && listing.foreign.length > 0)
      throw new LockstepError('invalid', 'the directory of a log holds what is no part of one', {
        values: { directory, file: listing.foreign[0] ?? null },
        advice: ['move it away, or give the log another name'],
      });
    if (listing?.isGoing === true) await clearLog(disk, directory, listing); // a removal that stopped in the middle
    await writeIdentity(disk, directory, newLogId(randomness));
    return readIdentity(disk, directory);
  }

  #isThere(name: string): boolean {
    const listing = listLog(this.#ports.disk, join(this.#directory, name));
    return listing !== null && listing.hasIdentity && !listing.isGoing;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

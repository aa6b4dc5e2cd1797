/**
 * The narrow waist: a totally ordered sequence of records with one writer at a time. Everything above knows only this;
 * a file, memory, PostgreSQL, NATS JetStream or our own Raft group keep it. An author of an engine writes `LogEngine`
 * and calls the contract (`lockstep/log/contract`); the record header, its chain and the rules of reading are ours.
 *
 * Whoever can append leads. To lead is to append a claim (sequence 0 of a higher epoch); from then on no record of an
 * older epoch can follow. Safety never rests on time: clocks decide who tries, the log decides who does.
 */
import type { Brand } from '../kernel/brand.ts';

/** Where a record stands: its count in the log, from 1. 0 is before the first. Dense, and never shown to users. */
export type Position = Brand<number, 'Position'>;
/** Whose turn it is: grows with every claim, from 1. The fencing token of everything that rests on this log. */
export type Epoch = Brand<number, 'Epoch'>;
/** Names a log for good: 16 random bytes in hexadecimal, made when it is created, in the header of every record. */
export type LogId = Brand<string, 'LogId'>;

/** What an acknowledgement survives; data, and printed into `docs/engines.md`. */
export interface Guarantees {
  /** `process`: kill -9. `machine`: loss of power. `minority`: loss of fewer than half of the replicas, with their disks. */
  readonly survives: 'nothing' | 'process' | 'machine' | 'minority';
  /** Whether a failover of the engine itself keeps what was acknowledged; null where an engine has none. */
  readonly failoverKeepsAcknowledged: boolean | null;
  /** The largest payload of a record, in bytes. */
  readonly payloadBytesMax: number;
  /** In words: on what this rests, and what would break it. */
  readonly because: string;
  /** A fault that is known of this version of the engine, and what to do; a node logs it when it opens. Absent: none. */
  readonly warning?: string | undefined;
}

/** Makes logs, finds them again by name, and says what they are worth. */
export interface LogEngine {
  readonly name: string;
  readonly guarantees: Guarantees;
  /**
   * `create`: makes the log if there is none; otherwise null when there is none. Names are letters, digits, `.`, `-`, `_`.
   * @throws LockstepError `in-use` when another process owns it and the engine cannot share; `corrupt`; `unavailable`;
   * `invalid` for a log of another format.
   */
  open(name: string, options: { readonly create: boolean }): Promise<Log | null>;
  list(): Promise<readonly string[]>;
  remove(name: string): Promise<'removed' | 'absent'>;
  close(): Promise<void>;
}

export interface Log {
  readonly id: LogId;
  /**
   * The records after `from`, then live ones once they are acknowledged, in batches as they come; nothing is read ahead
   * of the asking, so that a slow reader holds its place and no more. The last batch says why there are no others.
   * @throws LockstepError `corrupt` with file and offset; `invalid` for a record of another format; `unavailable`: read
   * on from where it stopped; `stopped` once the log is closed; the signal's reason once it is aborted.
   */
  read(from: Position, options?: LogReadOptions): AsyncIterable<LogBatch>;
  /**
   * A recent last position, for lag and catch-up; as stale as the engine's reads may be.
   * @throws LockstepError `unavailable` when it cannot be learned here now, or the log was removed; `stopped`.
   */
  tail(): Promise<Position>;
  /**
   * Stands for leadership; resolves when this node leads, its claim acknowledged in the log. May wait long: while
   * another shows life, and while the engine cannot be reached.
   * @throws LockstepError `unknown` at a doubt that could not be settled in time; `misuse` for a name that is none;
   * `stopped` once the log is closed or removed; the signal's reason. A claim that is under way is waited for, and given up if it
   * succeeds.
   */
  acquire(options: { readonly owner: string; readonly signal?: AbortSignal | undefined }): Promise<LogWriter>;
  /**
   * Lets go of records before this position, as far as no hold of this process stands in the way, and never of the
   * last one. Gives the first position that is kept.
   * @throws LockstepError `unavailable`: some may be gone; trim again.
   */
  trim(before: Position): Promise<Position>;
  /** Nothing from `position` on is trimmed until the hold is released. */
  hold(position: Position): Hold;
  close(): Promise<void>;
}

export interface LogReadOptions {
  /**
   * The chain of the record at `from`, from whoever has read it before: then a log that was rolled back or made anew
   * meanwhile is `diverged`. Without it the first record is taken on trust, and all others are held against it.
   */
  readonly chain?: string | undefined;
  /** A batch has about so many bytes at most, and at least a record. Default: the engine's own. */
  readonly batchBytesMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Hold {
  /** Lets go of what is before. Never goes back. */
  move(position: Position): void;
  release(): void;
}

export interface LogWriter {
  readonly epoch: Epoch;
  /** The claim's position: apply everything up to it before acting. */
  readonly start: Position;
  /** That of the record that this writer has put into the log last, at first of its claim: for who reads on from there. */
  readonly chain: string;
  /**
   * One at a time. `appended`: it and all before it, as durable as the guarantees say. `fenced`: certainly not in the
   * log, another leads, or this writer had finished before. After `fenced` and after a throw this writer is finished,
   * but for `misuse` and `overloaded`: then nothing happened. The payload must stay as it is until this settles.
   * @throws LockstepError `unknown` when it may or may not be in the log; `unavailable` when it certainly is not, and
   * could not be put there in time; `misuse` while another append is under way, or when too large; `overloaded` when
   * too many wait already; what the engine's storage throws (`disk-full`, `disk-failed`, `corrupt`).
   */
  append(
    entry: LogEntry,
  ): Promise<{ readonly kind: 'appended'; readonly position: Position } | { readonly kind: 'fenced' }>;
  /**
   * `held`: nobody else led at some moment after this call. What linearizable reads rest on.
   * @throws LockstepError `unavailable` or `unknown` when that could not be learned in time.
   */
  confirm(): Promise<'held' | 'lost'>;
  /** Aborted, in a task of its own, once this writer knows that it is finished. */
  readonly lost: AbortSignal;
  /**
   * Stops leading, once the append under way has settled. The next claim need not wait for a silence, unless the engine
   * could not be told. A writer that has finished has nothing to release.
   */
  release(): Promise<void>;
}

/** What a writer appends. Revisions are the partition's own dense count; 0 of them is a record that changes no state. */
export interface LogEntry {
  readonly payload: Uint8Array;
  readonly firstRevision: number;
  readonly revisionCount: number;
}

export interface LogRecord extends LogEntry {
  readonly position: Position;
  readonly epoch: Epoch;
  /** Counts the epoch's records; 0 is its claim, whose payload names the owner. */
  readonly sequence: number;
  /** Hash over the previous record's chain and this record: two logs with one chain here are one log up to here. */
  readonly chain: string;
}

export type LogBatch =
  /** At least one, in order, without a gap. */
  | { readonly kind: 'records'; readonly records: readonly LogRecord[] }
  /** What was asked for is gone; `earliest` is the first position that is kept. Start from a checkpoint. */
  | { readonly kind: 'trimmed'; readonly earliest: Position }
  /** The engine broke its word, or this is another log: never follow it. Says what was expected and what was found. */
  | { readonly kind: 'diverged'; readonly position: Position; readonly expected: string; readonly found: string };

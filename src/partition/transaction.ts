/**
 * What code in a transaction sees, and what comes of it. Types alone: `leader.ts` runs transactions, `timer`, `lease` and
 * `channel` are functions over a `Transaction` and an `EpochService` each.
 */
import type { KeyPart, Tuple } from '../bytes/tuple.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { ValueParts } from '../bytes/value-parts.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import type { Ports } from '../env/env.ts';
import type { Brand } from '../kernel/brand.ts';
import type { Epoch } from '../log/port.ts';
import type { Waits } from '../observe/waits.ts';

/** Where a write lies: partition, generation and revision. Opaque: pass it back to read what it wrote. */
export type Token = Brand<string, 'Token'>;

/** Which keys of a space: all of them without any bound. */
export interface SpaceRange {
  /** Only keys that begin with these parts, itself included. */
  readonly prefix?: Tuple | undefined;
  /** The first key, included. Default: the first there is. */
  readonly from?: Tuple | undefined;
  /** The key to end before. Default: none. */
  readonly to?: Tuple | undefined;
}

export interface RangeOptions extends SpaceRange {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined;
  /** At most so many. Default: all. */
  readonly limit?: number | undefined;
}

export type SpaceEntry = readonly [key: Tuple, value: StoredValue];

/**
 * Entries of a range one after the other, for the rooms above, which make of each what they need. Between `next` and what is
 * asked of an entry nothing else is read, and nothing is written. `end` it.
 */
export interface SpaceWalk {
  /** To the first entry, then to the next one. False: there is none, nor will be. */
  next(): boolean;
  key(): readonly KeyPart[];
  /** The parts of the key behind the prefix that was asked for. */
  rest(): readonly KeyPart[];
  value(): StoredValue;
  /** The value, to be taken apart before anything else is read. */
  parts(): ValueParts;
  /** Once or more. */
  end(): void;
}

/** Keys and values of one place, as they are at one moment. Values are decoded anew by every call. */
export interface ReadSpace {
  get(key: Tuple): StoredValue | undefined;
  /** In the order of tuples. Read it to its end, or leave its loop, before the transaction or the snapshot ends. */
  range(options?: RangeOptions): Iterable<SpaceEntry>;
  /** As `range`, an entry at a time. For the rooms above, not for users. */
  walk(options?: RangeOptions): SpaceWalk;
}

/** A space that can be written: what is written is read back at once, here and by later transactions. */
export interface Space extends ReadSpace {
  /** @throws LockstepError `invalid`, with the path, for a key or a value that cannot be stored. */
  set(key: Tuple, value: StoredValue): void;
  /** As `set`, of a value's bytes as `ValueEncoder` made them, which nobody checks. For the rooms above, not for users. */
  setEncoded(key: Tuple, value: Uint8Array): void;
  /** A key that is not there may be deleted too. */
  delete(key: Tuple): void;
  /** All keys of the range. */
  deleteRange(range: SpaceRange): void;
}

/**
 * One transaction of one place: its own methods read and write the keys of that place. Synchronous, alone, and over when
 * its function returns: used later, every method throws `misuse`.
 */
export interface Transaction extends Space {
  /** Null: it has no place, and only `local` and its own system state to write. */
  readonly place: string | null;
  /** Strictly growing over the transactions of the partition, across leaders; stands in the log. */
  readonly now: HybridTimestamp;
  /**
   * What it gets if it commits with a write: one more than that of the transaction before it.
   * @throws LockstepError `misuse` in a function that waits, as others may come before it.
   */
  readonly revision: number;
  /** As whoever reads at a revision of this partition is given it. */
  tokenAt(revision: number): Token;
  /** What has no place of its own: it belongs to the partition. A key's first part is not null. */
  readonly local: Space;
  /**
   * The space of `key`'s place, if that is this transaction's.
   * @throws LockstepError `misuse` (`not-colocated`) when it is another, with the remedy.
   */
  at(key: string): Space;
  /**
   * A message to another place: leaves with this transaction, or not at all, and takes effect there exactly once. While
   * too many are on their way there the transaction is `refused` as `full`; a message beyond the limit, as `too-large`.
   * @throws LockstepError `invalid` for a message that cannot be stored; and to end a transaction that is refused.
   */
  send(to: string, message: StoredValue): void;
  /**
   * Refuses what `send` would refuse whenever it is asked: for who sends it later.
   * @throws LockstepError `invalid` for a message that cannot be stored, or is larger than messages may be.
   */
  checkMessage(to: string, message: StoredValue): void;
  /**
   * The product's own state of this name (`timer`, `lease`, …), apart from all that users write: that of the
   * transaction's place, or the partition's own. For the rooms above, not for users.
   */
  system(name: string, of: 'place' | 'local'): Space;
  /**
   * For `setEncoded`, where a value is stored twice. Good until the next value is encoded, by this or by `set`.
   * @throws LockstepError `invalid`, with the path, as `set`.
   */
  encoded(value: StoredValue): Uint8Array;
  /** The product's own state of any place of the partition, to be read alone. For the rooms above, not for users. */
  systemAt(name: string, place: string): ReadSpace;
  /**
   * Tells the epoch's services, once this transaction is durable: what `Leading.onNote` hears. Followers and later
   * leaders do not hear it: they read the state.
   */
  note(topic: string, note: unknown): void;
}

/** A decided no: everything that the transaction wrote is dropped, nothing is remembered. */
export interface Rejection<Code extends string = string, Details = unknown> {
  readonly kind: 'rejected';
  readonly code: Code;
  readonly details: Details;
}

/** What a transaction's function may return: not a promise, which would end after the transaction. */
export type Synchronous<T> = T extends PromiseLike<unknown> ? 'a transaction is synchronous: await before it' : T;

export interface Committed<T> {
  /** `already-done`: this command id had been committed before; nothing was done again, this is its first outcome. */
  readonly kind: 'committed' | 'already-done';
  readonly value: T;
  /** What it read and wrote is in every state from here on. */
  readonly token: Token;
  readonly revision: number;
}

/** It certainly did not happen. `leader` is the owner that stood in the log last; null when nobody did, or it is this one. */
export interface NotLeader {
  readonly kind: 'not-leader';
  readonly leader: string | null;
}

/**
 * It certainly did not happen. `full`: too much waits already, send it again in a while; `clock`: the leader's clock is too far
 * behind the time in the log; `too-large`: what it writes is larger than the log takes, or a message of it than messages may be.
 */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: 'full' | 'too-large' | 'clock' | 'stopping';
  /** The limit, where it is that of a message. */
  readonly bytesMax?: number;
}

/** It certainly did not happen now: the id is older than the window in which ids are remembered. */
export interface Expired {
  readonly kind: 'expired';
}

/** A rejection is based on durable state alone, and is released when that is certain. */
export type TransactOutcome<T> =
  | Committed<Exclude<T, Rejection>>
  | (T extends Rejection ? T : never)
  | Expired
  | NotLeader
  | Refused;

export interface TransactOptions {
  /**
   * Makes sending again safe: the same id is run once within the window (24 h by default). Its time counts: an id older
   * than the window is `expired` and never run. A UUID of version 7 (`env.newId()`), or one made by `commandId`.
   */
  readonly commandId?: string | undefined;
  /**
   * The id was made for this call and was never sent: it is remembered, and not looked for. Only for the first time; sent
   * again with it, a command may run twice. Default false.
   */
  readonly isFreshCommand?: boolean | undefined;
  /** Keys of the place that are loaded before, without blocking, so that reading them in the transaction does not. */
  readonly touch?: readonly Tuple[] | undefined;
  /** The deadline for the outcome, in milliseconds; after it `unknown` is thrown. Default 30,000. */
  readonly withinMs?: number | undefined;
}

export interface TransactAsyncOptions extends Omit<TransactOptions, 'touch'> {
  /** How often the function is run at most. Default 10. */
  readonly attempts?: number | undefined;
}

/** It certainly did not happen: in every attempt others changed what it had read. */
export interface Conflicted {
  readonly kind: 'conflict';
  readonly attempts: number;
  /** Who was in the way, in words. */
  readonly explain: string;
}

export type Transact = <T>(
  place: string | null,
  fn: (tx: Transaction) => Synchronous<T>,
  options?: TransactOptions,
) => Promise<TransactOutcome<T>>;

/** An entry of the product's own state, of whichever place. */
export interface SystemEntry {
  /** Null: the partition's own. */
  readonly place: string | null;
  readonly key: Tuple;
  readonly value: StoredValue;
}

/** Where an entry of a place stands. */
export interface PlaceEntry {
  readonly place: string;
  readonly key: Tuple;
}

/** All state at one moment, of all places of the partition. */
export interface Reader {
  readonly revision: number;
  /** The space of `key`'s place. */
  at(key: string): ReadSpace;
  readonly local: ReadSpace;
  system(name: string, place: string | null): ReadSpace;
  /**
   * The product's own state of this name: the partition's own, then that of all places, the places in no stated order, each
   * place's in order. With `after`, only what is behind that entry, also where it was read at another moment.
   */
  everywhere(name: string, after?: PlaceEntry): Iterable<SystemEntry>;
}

/** A transaction that became durable. */
export interface Commit {
  readonly revision: number;
  readonly at: HybridTimestamp;
  readonly place: string | null;
}

/** What a service of an epoch may use while the epoch lasts. */
export interface Leading {
  /** The partition's name among waits. */
  readonly name: string;
  readonly epoch: Epoch;
  readonly ports: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  /** Aborted, in a task of its own, once this epoch is over: nothing that was begun in it may go on. */
  readonly signal: AbortSignal;
  /** As of users; without a deadline given, until the epoch is over. */
  readonly transact: Transact;
  /** The partition's time now, as a transaction that began now would see it at the earliest. Not below any in the log. */
  now(): HybridTimestamp;
  /** The newest durable state, looked at anew by every call. */
  readonly reader: Reader;
  /** This node cannot go on, as when a service finds damage: the epoch is over, and the partition stops with this error. */
  fail(error: Error): void;
  /** Called in order, after each transaction became durable. It must not throw; it may begin transactions. */
  onCommit(listener: (commit: Commit) => void): void;
  /** What `Transaction.note` told under this topic, in order, after its transaction became durable. */
  onNote(topic: string, listener: (note: unknown, commit: Commit) => void): void;
}

/** Made anew for each epoch, so that nothing cached outlives it; acts only through transactions. */
export interface EpochService {
  /** The epoch's state is all there; what is due is to be read from `leading.reader`. */
  start(leading: Leading): void;
  /** The epoch is over: resolves when nothing of this service runs any more. */
  stop(): Promise<void>;
}

export type EpochServiceMaker = () => EpochService;

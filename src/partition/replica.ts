/**
 * One replica's state: the tree, and how far it has come in the log. Leader and follower change it through the same
 * functions, so that state is a function of the log. What is applied may be cut as long as it is not durable; what is
 * read outside of transactions is durable.
 */
import { ValueDecoder } from '../bytes/value-decode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { beforeFirst, position } from '../log/coordinates.ts';
import type { Hold, Log, Position } from '../log/port.ts';
import { Snapshots, type HeldRevision } from '../storage/snapshots.ts';
import type { Tree } from '../storage/tree.ts';
import type { WriterPressure } from '../storage/writer-pressure.ts';
import { firstLevel } from './group-payload.ts';
import { identityOf, type Identity } from './identity.ts';
import { KeySpaces } from './key-spaces.ts';
import { levelOf, levelSystem } from './level.ts';
import { decodeMark, type LogMark } from './log-mark.ts';
import { printToken } from './token.ts';
import type { Token } from './transaction.ts';

/** The product's own state of the partition, by name. */
export const systemNames = {
  partition: 'partition',
  log: 'log',
  command: 'command',
  horizon: 'command-horizon',
} as const;

/** The newest record whose effects are all here, and durable. */
export interface Place {
  readonly position: Position;
  /** Undefined before the first record: known to everybody. */
  readonly chain: string | undefined;
}

export class Replica {
  /** The newest level that this node reads and writes. */
  readonly levelMax: number;
  readonly spaces: KeySpaces = new KeySpaces();
  #tree: Tree;
  #pressure: WriterPressure;
  #snapshots: Snapshots;
  /** Of all who read this state outside of transactions: one at a time, as none waits while it reads. */
  readonly decoder: ValueDecoder = new ValueDecoder();
  readonly #hold: Hold;
  #place: Place = { position: beforeFirst, chain: undefined };
  /** Of the newest durable transaction. */
  #time: HybridTimestamp | null = null;
  /** Up to this revision `#time` is not before any transaction's. */
  #timedRevision = 0;
  #identity: Identity | null = null;
  /** The leader's, of the newest record: followers keep what it keeps. */
  #floorInLog = Infinity;
  /** Of each group since the last flush: its first revision, and the position that its mark names. */
  readonly #marks: { readonly revision: number; readonly position: number }[] = [];
  #level: number = firstLevel;
  /** Where reading would begin after a crash, and where it would have begun before the last flush. */
  #restart = { revision: 0, position: 0 };
  #restartBefore = 0;

  /**
   * `levelMax`: the newest level that this node reads and writes.
   * @throws LockstepError `invalid` when the state is of a higher one.
   */
  constructor(log: Log, tree: Tree, pressure: WriterPressure, levelMax: number) {
    this.#tree = tree;
    this.#pressure = pressure;
    this.levelMax = levelMax;
    this.#snapshots = this.#begin();
    this.#hold = log.hold(position(this.#place.position + 1));
  }

  /**
   * From here on the state is that of another tree, which came further; the caller closes the one before. What was held
   * of that is to be released, and may be at any time.
   * @throws LockstepError `invalid` when the state is of a higher level than this node reads.
   */
  replaceWith(tree: Tree, pressure: WriterPressure): void {
    assert(tree.flushed.revision > this.durableRevision, 'a checkpoint is further than what it replaces');
    this.#tree = tree;
    this.#pressure = pressure;
    this.#marks.length = 0;
    this.#snapshots = this.#begin();
    this.#hold.move(position(this.#place.position + 1));
  }

  /** As the tables say. */
  #begin(): Snapshots {
    const { revision } = this.tree.flushed;
    const mark = this.#markAt(revision);
    this.#place = { position: position(mark?.position ?? 0), chain: mark?.chain };
    this.#time = mark?.time ?? null;
    this.#timedRevision = 0;
    this.#restart = { revision, position: this.#place.position };
    this.#restartBefore = this.#place.position;
    this.#level = this.#levelAt(revision);
    if (this.#level > this.levelMax) throw ofHigherLevel(this.#level, this.levelMax);
    this.#identity = this.#identityAt(revision);
    return new Snapshots(this.durableRevision, (floor) => this.#moveFloor(floor));
  }

  get tree(): Tree {
    return this.#tree;
  }

  get pressure(): WriterPressure {
    return this.#pressure;
  }

  /** 0: nothing was ever written. */
  get durableRevision(): number {
    return Math.max(0, this.tree.durableRevision);
  }

  /** What a transaction sees that begins now. */
  get revision(): number {
    return Math.max(0, this.tree.revision);
  }

  /** What is in tables: after a crash it is there, and comes again. */
  get flushedRevision(): number {
    return Math.max(0, this.tree.flushed.revision);
  }

  /** Where in the log what was flushed is read again from; null: nothing was. */
  get flushedMark(): LogMark | null {
    return this.#markAt(this.tree.flushed.revision);
  }

  /** Whether `time` covers all that was flushed: after a restart only once the log was read again up to there. */
  get knowsTimeOfFlushed(): boolean {
    return this.#timedRevision >= this.flushedRevision;
  }

  get place(): Place {
    return this.#place;
  }

  get time(): HybridTimestamp | null {
    return this.#time;
  }

  get identity(): Identity | null {
    return this.#identity;
  }

  get floor(): number {
    return this.tree.floor;
  }

  tokenAt(revision: number): Token {
    const { id, generation } = this.#identity ?? { id: '0'.repeat(16), generation: 1 };
    return printToken({ partition: id, generation, revision });
  }

  /** That is in force, as of when it was last looked at: groups are written at it. */
  get level(): number {
    return this.#level;
  }

  /** Looks at it in the newest durable state. */
  noteLevel(): void {
    this.#level = this.#levelAt(this.durableRevision);
  }

  /** The one way in which state changes, on leader and followers alike. */
  apply(revision: number, batch: Uint8Array): void {
    this.tree.apply(revision, batch);
  }

  /** Everything up to this record is durable, and so is what it led to. `time`: of its last transaction, if it has any. */
  advance(to: Place, revision: number, time: HybridTimestamp | null): void {
    assert(to.position > this.#place.position, 'a log goes on');
    this.#place = to;
    if (time !== null && (this.#time === null || time > this.#time)) this.#time = time;
    if (time !== null) this.#timedRevision = revision;
    if (revision > this.durableRevision) {
      this.tree.setDurable(revision, to.position);
      this.#identity ??= this.#identityAt(revision);
    }
    this.#snapshots.advance(this.durableRevision);
    this.#noticeFlush();
  }

  /**
   * A group begins at this revision, which was applied: it names a place in the log from which it can be read again.
   * `named`: that place, by whoever wrote it; otherwise it is read.
   */
  noteGroup(revision: number, named: number | undefined = this.#markAt(revision)?.position): void {
    if (named !== undefined) this.#marks.push({ revision, position: named });
  }

  /** Takes back all that is not durable. */
  cut(): void {
    this.tree.cutAfter(this.tree.durableRevision);
    while ((this.#marks.at(-1)?.revision ?? -Infinity) > this.tree.durableRevision) this.#marks.pop();
  }

  /** Followers keep the versions that the leader keeps. */
  setFloorInLog(floor: number): void {
    this.#floorInLog = floor;
  }

  /** Leaders say themselves what is kept. */
  forgetFloorInLog(): void {
    this.#floorInLog = Infinity;
  }

  /** The newest durable revision, and all that is seen at it, until this is released. */
  holdDurable(): { readonly revision: number; readonly held: HeldRevision } {
    const revision = this.durableRevision;
    return { revision, held: this.#snapshots.hold(revision) };
  }

  get heldCount(): number {
    return this.#snapshots.count;
  }

  /** The product's own state; undefined when there is none. */
  system(name: string, key: readonly string[], revision: number): StoredValue | undefined {
    const { buffer, length } = this.spaces.ofSystem(name).written(key);
    const found = this.tree.find(buffer, 0, length, revision);
    return found === null ? undefined : this.decoder.decode(found.bytes, found.start, found.end);
  }

  /** The first record that would be read after a crash of before the last flush: what is before is not needed here. */
  get neededFrom(): Position {
    return position(this.#restartBefore + 1);
  }

  async close(): Promise<void> {
    this.#hold.release();
    await this.tree.close();
  }

  #moveFloor(floor: number): void {
    const next = Math.min(floor, this.#floorInLog, this.durableRevision);
    if (next > this.tree.floor) this.tree.setFloor(next);
  }

  /** After a flush the log is needed from where that one would have to be read again; from the one before, in case it is damaged. */
  #noticeFlush(): void {
    const { revision } = this.tree.flushed;
    if (revision <= this.#restart.revision) return;
    const next = this.#marks.findLastIndex((one) => one.revision <= revision);
    const at = this.#marks[next]?.position ?? this.#restart.position;
    this.#marks.splice(0, next);
    this.#restartBefore = this.#restart.position;
    this.#restart = { revision, position: at };
    this.#hold.move(this.neededFrom);
  }

  #markAt(revision: number): LogMark | null {
    const value = revision < 0 ? undefined : this.system(systemNames.log, [], revision);
    return value === undefined ? null : decodeMark(value);
  }

  #levelAt(revision: number): number {
    return levelOf(revision < 0 ? undefined : this.system(levelSystem, [], revision));
  }

  #identityAt(revision: number): Identity | null {
    const value = revision < 0 ? undefined : this.system(systemNames.partition, [], revision);
    return value === undefined ? null : identityOf(value);
  }
}

const ofHigherLevel = (level: number, levelMax: number): LockstepError =>
  new LockstepError('invalid', 'the state is of a level that this version does not know', {
    values: { level, levelMax },
    advice: ['run a version of the product that is at least as new as those that wrote it'],
  });

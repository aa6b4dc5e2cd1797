/**
 * What was committed, change by change, in order: read from the log, so only what is durable is told, on leaders and
 * followers alike. While somebody reads, the log is held from where it is, but not for ever: who falls too far behind
 * loses the hold, and is told `trimmed` if what it needs is gone by then. State is never lost, only the way to it.
 */
import type { Tuple } from '../bytes/tuple.ts';
import { ValueDecoder } from '../bytes/value-decode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import type { Ports } from '../env/env.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { beforeFirst, position } from '../log/coordinates.ts';
import type { Hold, Log, LogRecord, Position } from '../log/port.ts';
import { isPassing, pause } from '../log/within.ts';
import { applyBatch } from '../storage/write-batch.ts';
import { decodeGroup } from './group-payload.ts';
import { checkToken } from './identity.ts';
import { meaningOf } from './key-space.ts';
import type { Replica } from './replica.ts';
import { parseToken } from './token.ts';
import type { Token } from './transaction.ts';

interface ChangeOf {
  readonly revision: number;
  readonly at: HybridTimestamp;
  /** Null: it has no place. */
  readonly place: string | null;
  readonly key: Tuple;
}

export type Change =
  | (ChangeOf & { readonly kind: 'set'; readonly value: StoredValue })
  | (ChangeOf & { readonly kind: 'delete' })
  /** From `key` on, up to `to`; with `withPrefix` all that begins with `to` as well, else before it. */
  | (ChangeOf & { readonly kind: 'delete-range'; readonly to: Tuple; readonly withPrefix: boolean });

export type Changes =
  /** Of whole transactions; read on from `token`. */
  | { readonly kind: 'changes'; readonly changes: readonly Change[]; readonly token: Token }
  /** The log no longer has what comes next. Begin with a snapshot, and go on from its token. */
  | { readonly kind: 'trimmed' };

export interface ChangesOptions {
  /** Ends it; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What one reader holds of the log. */
export interface ChangesHold {
  at: Position;
  readonly hold: Hold;
}

export interface ChangesSetup {
  readonly ports: Pick<Ports, 'timers' | 'randomness'>;
  readonly log: Log;
  readonly replica: Replica;
  readonly signal: AbortSignal;
  readonly onBegin: (held: ChangesHold) => void;
  readonly onEnd: (held: ChangesHold) => void;
}

const pauseMsMax = 200;
const afterAllTuples = 0xff;

/**
 * @throws LockstepError `invalid` for a token of another partition, or one that is none; `corrupt` when the log diverged;
 * what reading the log throws and does not pass; the signal's reason.
 */
export async function* changesFrom(setup: ChangesSetup, from: Token): AsyncGenerator<Changes, void, undefined> {
  const { ports, log, signal } = setup;
  const { revision } = checked(setup.replica, from);
  const reader = new ChangeReader(revision + 1, setup.replica.levelMax);
  const held: ChangesHold = { at: beforeFirst, hold: log.hold(position(1)) };
  let chain: string | undefined;
  setup.onBegin(held);
  try {
    for (let isOver = false; !isOver;) {
      try {
        for await (const batch of log.read(held.at, { chain, signal })) {
          if (batch.kind === 'diverged')
            throw new LockstepError('corrupt', 'the log diverged', {
              values: { position: batch.position, expected: batch.expected, found: batch.found },
            });
          if (batch.kind === 'trimmed') {
            isOver = held.at !== beforeFirst;
            held.at = position(batch.earliest - 1);
            break;
          }
          const changes = reader.read(batch.records);
          const last = batch.records.at(-1);
          if (last !== undefined) held.at = last.position;
          chain = last?.chain;
          if (changes === null) isOver = true;
          if (isOver) break;
          if (changes !== null && changes.length > 0)
            yield { kind: 'changes', changes, token: setup.replica.tokenAt(reader.next - 1) };
          held.hold.move(position(held.at + 1));
        }
      } catch (error) {
        if (!isPassing(error) || signal.aborted) throw error;
        await pause(ports.timers, ports.randomness.float() * pauseMsMax, [signal]);
      }
    }
    yield { kind: 'trimmed' };
  } finally {
    held.hold.release();
    setup.onEnd(held);
  }
}

function checked(replica: Replica, token: Token): { readonly revision: number } {
  const parts = parseToken(token);
  if (replica.identity !== null) checkToken(replica.identity, parts);
  return { revision: parts.revision };
}

class ChangeReader {
  /** The revision that comes next. */
  next: number;
  readonly #levelMax: number;
  readonly #decoder = new ValueDecoder();

  constructor(next: number, levelMax: number) {
    this.next = next;
    this.#levelMax = levelMax;
  }

  /** Null: what comes next is not there. */
  read(records: readonly LogRecord[]): readonly Change[] | null {
    const changes: Change[] = [];
    for (const { payload, firstRevision, revisionCount } of records) {
      if (revisionCount === 0 || firstRevision + revisionCount <= this.next) continue;
      if (firstRevision > this.next) return null;
      for (const [index, { time, batch }] of decodeGroup(payload, revisionCount, this.#levelMax).transactions.entries())
        if (firstRevision + index >= this.next) this.#add(changes, firstRevision + index, time, batch);
      this.next = firstRevision + revisionCount;
    }
    return changes;
  }

  #add(changes: Change[], revision: number, at: HybridTimestamp, batch: Uint8Array): void {
    /** Null: it is the product's own state. */
    const changeOf = (bytes: Uint8Array, start: number, end: number): ChangeOf | null => {
      const { place, system, key } = meaningOf(bytes, start, end);
      return system === null ? { revision, at, place, key } : null;
    };
    applyBatch(batch, {
      put: (bytes, keyStart, keyEnd, valueStart, valueEnd) => {
        const change = changeOf(bytes, keyStart, keyEnd);
        if (change === null) return;
        changes.push({ ...change, kind: 'set', value: this.#decoder.decode(bytes, valueStart, valueEnd) });
      },
      delete: (bytes, start, end) => {
        const change = changeOf(bytes, start, end);
        if (change !== null) changes.push({ ...change, kind: 'delete' });
      },
      deleteRange: (start, end) => {
        const change = changeOf(start, 0, start.length);
        if (change === null) return;
        changes.push({ ...change, kind: 'delete-range', ...endOf(end) });
      },
    });
  }
}

/** A key, or one with a byte behind it that no part begins with: of the two only one can be read. */
function endOf(end: Uint8Array): { readonly to: Tuple; readonly withPrefix: boolean } {
  try {
    return { to: meaningOf(end).key, withPrefix: false };
  } catch (error) {
    if (!isLockstepError(error, 'corrupt') || end.at(-1) !== afterAllTuples) throw error;
    return { to: meaningOf(end, 0, end.length - 1).key, withPrefix: true };
  }
}

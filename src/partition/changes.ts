/**
 * What was committed, change by change, in order: read from the log, so only what is durable is told, on leaders and
 * followers alike. While somebody reads, the log is held from where it is, but not for ever: who falls too far behind
 * loses the hold, and is told `trimmed` if what it needs is gone by then. State is never lost, only the way to it.
 */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { Instant } from '../kernel/time.ts';
import { nextPosition, position } from '../log/coordinates.ts';
import type { Hold, Log, LogBatch, Position } from '../log/port.ts';
import { isPassing, pause } from '../log/within.ts';
import type { Waits } from '../observe/waits.ts';
import { ChangeReader, type Change } from './change-reader.ts';
import { checkToken } from './identity.ts';
import { positionBefore } from './log-search.ts';
import type { Replica } from './replica.ts';
import { parseTokenOf } from './token.ts';
import type { Token } from './transaction.ts';

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
interface ChangesHold {
  /** Where it is. */
  at: Position;
  readonly hold: Hold;
  readonly since: Instant;
  isLost: boolean;
}

export interface ChangesSetup {
  readonly ports: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
  readonly key: string;
  readonly log: Log;
  readonly replica: Replica;
  /** A reader that is further behind holds nothing any more. */
  readonly recordsMax: number;
}

/** All who read changes of a partition here. */
export class ChangesReaders {
  readonly #setup: ChangesSetup;
  readonly #closing: AbortSignal;
  readonly #held = new Set<ChangesHold>();

  /** `closing`: ends all of them, with its reason. */
  constructor(setup: ChangesSetup, closing: AbortSignal) {
    this.#setup = setup;
    this.#closing = closing;
  }

  /** @throws as `changesFrom`; the signal's reason. */
  async *read(from: Token, { signal }: ChangesOptions): AsyncGenerator<Changes, void, undefined> {
    const { ports, log, replica } = this.#setup;
    const { revision } = checked(replica, from);
    const ending = new AbortController();
    const signals = [this.#closing, ...(signal === undefined ? [] : [signal])];
    const onAbort = (event: Event): void => ending.abort((event.target as AbortSignal).reason);
    for (const one of signals) {
      one.throwIfAborted();
      one.addEventListener('abort', onAbort, { once: true });
    }
    // All that there is, until it is known from where on.
    const hold = log.hold(position(1));
    const held = { at: replica.place.position, hold, since: ports.clock.now(), isLost: false };
    this.#held.add(held);
    try {
      yield* changesFrom({ ...this.#setup, signal: ending.signal }, revision + 1, held);
    } finally {
      hold.release();
      this.#held.delete(held);
      for (const one of signals) one.removeEventListener('abort', onAbort);
    }
  }

  /** The replica has come further. */
  advanced(): void {
    for (const held of this.#held) {
      if (held.isLost || this.#recordsBehind(held) <= this.#setup.recordsMax) continue;
      held.isLost = true;
      held.hold.release();
    }
  }

  /** Each that holds something of the log: since when, and how many records. */
  explain(): { readonly since: Instant; readonly records: number }[] {
    const holding = [...this.#held].filter((held) => !held.isLost);
    return holding.map((held) => ({ since: held.since, records: this.#recordsBehind(held) }));
  }

  #recordsBehind({ at }: ChangesHold): number {
    return Math.max(0, this.#setup.replica.place.position - at);
  }
}

const pauseMsMax = 200;

/**
 * @throws LockstepError `corrupt` when the log diverged; what reading the log throws and does not pass; the signal's reason.
 */
async function* changesFrom(
  setup: ChangesSetup & { readonly signal: AbortSignal },
  revision: number,
  held: ChangesHold,
): AsyncGenerator<Changes, void, undefined> {
  const { log, replica, signal } = setup;
  const reader = new ChangeReader(revision, replica.levelMax);
  let isPlaced = false;
  let chain: string | undefined;
  for (let isOver = false; !isOver;) {
    try {
      if (!isPlaced) held.at = await positionBefore(setup, revision);
      isPlaced = true;
      held.hold.move(nextPosition(held.at));
      for await (const batch of log.read(held.at, { chain, signal })) {
        if (batch.kind === 'diverged') throw divergedAt(batch);
        if (batch.kind === 'trimmed' && chain === undefined && batch.earliest > held.at + 1) {
          held.at = position(batch.earliest - 1); // where it lies was found nearly: it may be there all the same
          break;
        }
        const changes = batch.kind === 'trimmed' ? null : reader.read(batch.records);
        isOver = changes === null;
        if (batch.kind === 'trimmed' || changes === null) break;
        const last = batch.records.at(-1);
        if (last !== undefined) held.at = last.position;
        chain = last?.chain;
        if (changes.length > 0) yield { kind: 'changes', changes, token: replica.tokenAt(reader.next - 1) };
        held.hold.move(nextPosition(held.at));
      }
    } catch (error) {
      if (!isPassing(error) || signal.aborted) throw error;
      await pauseFor(setup, signal, error);
    }
  }
  yield { kind: 'trimmed' };
}

async function pauseFor({ ports, waits, key }: ChangesSetup, signal: AbortSignal, error: unknown): Promise<void> {
  const ms = ports.randomness.float() * pauseMsMax;
  const why = error instanceof Error ? error.message : String(error);
  const wait = waits?.enterIfRoom({ what: 'changes', key, waitsFor: `the log to be readable: ${why}`, withinMs: null });
  try {
    await pause(ports.timers, ms, [signal]);
  } finally {
    wait?.leave();
  }
}

const divergedAt = ({ position: at, expected, found }: Extract<LogBatch, { readonly kind: 'diverged' }>) =>
  new LockstepError('corrupt', 'the log diverged', { values: { position: at, expected, found } });

function checked(replica: Replica, token: Token): { readonly revision: number } {
  const parts = parseTokenOf(token, replica.identity?.id ?? null);
  if (replica.identity !== null) checkToken(replica.identity, parts);
  return { revision: parts.revision };
}

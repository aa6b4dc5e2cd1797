/** A log over a store with a conditional append: reading by the rules of `follow.ts`, claiming through `campaign.ts`. */
import { LockstepError } from '../kernel/errors.ts';
import type { WaitEntry } from '../observe/waits.ts';
import { closedLog, stand } from './campaign.ts';
import { chainBeforeFirst } from './chain.ts';
import { checked, type Checked } from './checked.ts';
import { beforeFirst, epoch, nextEpoch, nextPosition, position } from './coordinates.ts';
import { Extent } from './extent.ts';
import { Follower, replaced, rolledBack } from './follow.ts';
import type { Holds } from './holds.ts';
import type { Hold, Log, LogBatch, LogId, LogReadOptions, LogWriter, Position } from './port.ts';
import { isClaim, ownerBytes, ownerOf, type StoredRecord } from './record.ts';
import { settle } from './settle.ts';
import { StoreWriter, type Head, type WriterContext } from './store-writer.ts';
import type { StoredBytes, StoreRead } from './store.ts';
import { persist, within } from './within.ts';

/** Past every record: asking for what comes after it tells where the log begins and ends. */
const pastAll: Position = position(Number.MAX_SAFE_INTEGER - 1);
const emptyHead: Head = {
  position: beforeFirst,
  epoch: epoch(0),
  sequence: 0,
  chain: chainBeforeFirst,
  nextRevision: 0,
};

export interface StoreLogContext extends Omit<WriterContext, 'closed' | 'extent'> {
  readonly holds: Holds;
  /** Called once, at close. */
  readonly onClose: () => void;
}

export class StoreLog implements Log {
  readonly id: LogId;
  readonly #context: WriterContext;
  readonly #holds: Holds;
  readonly #onClose: () => void;
  readonly #closing = new AbortController();
  #closed = false;

  constructor({ holds, onClose, ...context }: StoreLogContext) {
    this.id = context.id;
    this.#context = { ...context, extent: new Extent(), closed: this.#closing.signal };
    this.#holds = holds;
    this.#onClose = onClose;
  }

  async *read(from: Position, options: LogReadOptions = {}): AsyncGenerator<LogBatch, void, undefined> {
    const { store, config, reads, extent } = this.#context;
    const { chain, batchBytesMax = config.batchBytesMax, signal } = options;
    if (chain !== undefined) extent.saw(from); // who knows the chain there has read it, maybe in an earlier process
    const follower = new Follower({ id: this.id, after: from, chain });
    for (;;) {
      const read = await this.#attempt(() => store.read(follower.last, batchBytesMax), signal);
      const end = this.#endOf(follower.last, read, reads);
      if (end !== null) return yield end;
      const { records, diverged } = this.#checked(follower, read);
      if (records.length > 0) {
        extent.saw(follower.last);
        yield { kind: 'records', records };
      }
      if (diverged !== null) return yield diverged;
      if (records.length === 0) await this.#growth(follower.last, signal);
    }
  }

  async tail(): Promise<Position> {
    const read = await this.#persist('looking at the end of a log', () => this.#context.store.read(pastAll, 1));
    if (read.kind === 'gone') throw gone(this.id);
    return read.last;
  }

  async acquire(options: { readonly owner: string; readonly signal?: AbortSignal | undefined }): Promise<LogWriter> {
    this.#check();
    const { ports, config, waits, name, store } = this.#context;
    const payload = ownerBytes(options.owner);
    let sight = { head: emptyHead, vacant: true };
    const closing = this.#closing.signal;
    const isClosed = (): boolean => this.#closed;
    const waitsFor = 'a look at the log';
    return stand({ ports, config, waits, name, waitsFor, signal: options.signal, closing, isClosed }, (wait) => ({
      look: async () => {
        sight = await this.#sight(wait);
        if (wait !== null && !sight.vacant) wait.waitsFor = `silence in epoch ${sight.head.epoch}`;
        return { mark: sight.head.position, vacant: sight.vacant };
      },
      news: (signal: AbortSignal) => store.grown(sight.head.position, signal),
      claim: () => this.#claim(sight.head, payload),
    }));
  }

  async trim(before: Position): Promise<Position> {
    const { store } = this.#context;
    return this.#persist('a trim', async () => {
      const seen = await store.read(pastAll, 1);
      if (seen.kind === 'gone') throw gone(this.id);
      // The last one stays: what comes next continues its chain.
      const wanted = Math.min(this.#holds.limit(before), seen.last);
      if (wanted <= seen.first) return seen.first;
      await store.trim(position(wanted));
      const after = await store.read(pastAll, 1);
      if (after.kind === 'gone') throw gone(this.id);
      return after.first;
    });
  }

  hold(position: Position): Hold {
    this.#check();
    return this.#holds.take(position);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.ports.timers.after(0, () => this.#closing.abort(closedLog()));
    this.#onClose();
    await this.#context.store.close();
  }

  #endOf(last: Position, read: StoreRead, reads: 'linearizable' | 'recent'): LogBatch | null {
    if (read.kind === 'gone') return replaced(this.id, last);
    if (read.last < last) return reads === 'linearizable' ? rolledBack(last, read.last) : null;
    return read.first > last + 1 ? { kind: 'trimmed', earliest: read.first } : null;
  }

  /** The records up to the first that does not belong. */
  #checked(follower: Follower, read: StoreRead): Checked {
    const found = read.kind === 'gone' ? [] : read.records;
    return checked(follower, found.length, (index) => {
      const { position, bytes } = found[index] as StoredBytes;
      return this.#context.codec.decode(position, bytes);
    });
  }

  async #growth(last: Position, signal: AbortSignal | undefined): Promise<void> {
    const { ports, waits, name, store } = this.#context;
    const wait = waits?.enterIfRoom({ what: 'read', key: name, waitsFor: `position ${last + 1}`, withinMs: null });
    try {
      await within(ports.timers, Infinity, [signal, this.#closing.signal], (either) => store.grown(last, either));
    } finally {
      wait?.leave();
    }
  }

  /**
   * The newest record, and whether it says that nobody leads. One look; what fails in passing is the campaign's to try
   * again: above all an end that is not the end, beside which nobody must claim.
   */
  async #sight(wait: WaitEntry | null): Promise<{ readonly head: Head; readonly vacant: boolean }> {
    const { store, codec, extent, reads } = this.#context;
    const end = await this.#attempt(() => store.read(pastAll, 1));
    if (end.kind === 'gone') throw gone(this.id);
    if (reads === 'recent' && end.last < extent.last) {
      if (wait !== null) wait.waitsFor = `a store that ends at ${end.last} to show position ${extent.last} again`;
      throw new LockstepError('unavailable', 'the store shows less of the log than is known', {
        values: { last: end.last, known: extent.last },
      });
    }
    if (end.last === 0) return { head: emptyHead, vacant: true };
    const read = await this.#attempt(() => store.read(position(end.last - 1), 1));
    if (read.kind === 'gone') throw gone(this.id);
    const [newest] = read.records;
    if (newest === undefined || newest.position !== end.last)
      throw new LockstepError('unavailable', 'the newest record could not be read', { values: { position: end.last } });
    const record = codec.decode(newest.position, newest.bytes);
    if (record.id !== this.id)
      throw new LockstepError('corrupt', 'the newest record is of another log', {
        values: { position: end.last, expected: this.id, found: record.id },
      });
    extent.saw(record.position);
    const head = { ...headOf(record), position: record.position };
    return { head, vacant: isClaim(record) && ownerOf(record) === null };
  }

  async #claim(head: Head, payload: Uint8Array): Promise<StoreWriter | null> {
    const { codec } = this.#context;
    const turn = { epoch: nextEpoch(head.epoch), sequence: 0, firstRevision: head.nextRevision, revisionCount: 0 };
    const { bytes, chain } = codec.encode({ id: this.id, chainBefore: head.chain, payload, ...turn });
    if ((await settle(this.#context, head.position, bytes)) === 'taken') return null;
    const { epoch, sequence } = turn;
    const nextRevision = head.nextRevision;
    return new StoreWriter(this.#context, {
      position: nextPosition(head.position),
      epoch,
      sequence,
      chain,
      nextRevision,
    });
  }

  #persist<T>(what: string, call: () => Promise<T>): Promise<T> {
    this.#check();
    return persist(this.#context.ports, this.#context.config, what, call);
  }

  async #attempt<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#check();
    const { ports, config } = this.#context;
    const ended = await within(ports.timers, config.attemptMsMax, [signal, this.#closing.signal], call);
    if (ended.kind === 'done') return ended.value;
    throw new LockstepError('unavailable', 'the store did not answer', { values: { withinMs: config.attemptMsMax } });
  }

  #check(): void {
    if (this.#closed) throw closedLog();
  }
}

const headOf = (record: StoredRecord): Omit<Head, 'position'> => ({
  epoch: record.epoch,
  sequence: record.sequence,
  chain: record.chain,
  nextRevision: record.firstRevision + record.revisionCount,
});

const gone = (id: LogId): LockstepError =>
  new LockstepError('stopped', 'the log was removed, or made anew under its name', { values: { id } });

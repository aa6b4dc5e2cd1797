/**
 * The writer of a log over a store with a conditional append. One append is in flight; whatever else it writes by itself
 * (an empty record to confirm, the release) takes its turn with it.
 */
import type { Waits } from '../observe/waits.ts';
import { LockstepError } from '../kernel/errors.ts';
import { nextEpoch, nextPosition, position } from './coordinates.ts';
import type { Epoch, LogEntry, LogId, LogWriter, Position } from './port.ts';
import { settle, type StoreContext } from './settle.ts';
import { isPassing, pause, persist, within } from './within.ts';

/** The newest record as far as its successor must know it. */
export interface Head {
  readonly position: Position;
  readonly epoch: Epoch;
  readonly sequence: number;
  readonly chain: string;
  /** The first revision that comes after it. */
  readonly nextRevision: number;
}

export interface WriterContext extends StoreContext {
  readonly id: LogId;
  readonly name: string;
  readonly reads: 'linearizable' | 'recent';
  readonly waits: Waits | null;
  /** Aborted when the log is closed. */
  readonly closed: AbortSignal;
}

type AppendOutcome = Awaited<ReturnType<LogWriter['append']>>;
const fenced: AppendOutcome = Object.freeze({ kind: 'fenced' });
const nothing = new Uint8Array(0);

export class StoreWriter implements LogWriter {
  readonly epoch: Epoch;
  readonly start: Position;
  readonly #context: WriterContext;
  readonly #lost = new AbortController();
  #head: Head;
  #appending = false;
  #finished = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** `claim` is what made it the writer, and stands in the log. */
  constructor(context: WriterContext, claim: Head) {
    this.#context = context;
    this.#head = claim;
    this.epoch = claim.epoch;
    this.start = claim.position;
    void this.#watch();
  }

  get chain(): string {
    return this.#head.chain;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async append(entry: LogEntry): Promise<AppendOutcome> {
    const { codec, waits, name, config } = this.#context;
    if (this.#appending) throw new LockstepError('misuse', 'one append at a time: the last one is still under way');
    codec.check(entry);
    const waitsFor = `position ${this.#head.position + 1}`;
    const wait = waits?.enterIfRoom({ what: 'append', key: name, waitsFor, withinMs: config.settleMsMax });
    this.#appending = true;
    try {
      return await this.#inTurn(() => this.#append(entry));
    } finally {
      this.#appending = false;
      wait?.leave();
    }
  }

  async confirm(): Promise<'held' | 'lost'> {
    const { ports, config, reads } = this.#context;
    if (this.#finished) return 'lost';
    if (reads === 'linearizable') {
      const foreign = await persist(ports, config, 'a confirmation', () => this.#foreignAfter(this.#head.position));
      if (foreign) this.#finish();
      return this.#finished ? 'lost' : 'held';
    }
    const outcome = await this.#inTurn(() => {
      const firstRevision = this.#head.nextRevision;
      return this.#append({ payload: nothing, firstRevision, revisionCount: 0 });
    });
    return outcome.kind === 'appended' ? 'held' : 'lost';
  }

  async release(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#finished) return;
      this.#finish();
      const { context, bytes, head } = this.#next({ kind: 'release' });
      try {
        await settle(context, this.#head.position, bytes);
        this.#head = head;
      } catch (error) {
        // That nobody leads is a courtesy to the next: without it, it waits out a silence.
        if (!isPassing(error)) throw error;
      }
    });
  }

  async #append(entry: LogEntry): Promise<AppendOutcome> {
    if (this.#context.closed.aborted) this.#finish();
    if (this.#finished) return fenced;
    try {
      const { context, bytes, head } = this.#next({ kind: 'entry', entry });
      const outcome = await settle(context, this.#head.position, bytes);
      if (outcome === 'appended') {
        this.#head = head;
        return { kind: 'appended', position: head.position };
      }
    } catch (error) {
      this.#finish();
      throw error;
    }
    this.#finish();
    return fenced;
  }

  #next(what: { readonly kind: 'entry'; readonly entry: LogEntry } | { readonly kind: 'release' }): {
    readonly context: WriterContext;
    readonly bytes: Uint8Array;
    readonly head: Head;
  } {
    const context = this.#context;
    const { position, chain, sequence, nextRevision } = this.#head;
    const turn =
      what.kind === 'entry'
        ? { epoch: this.epoch, sequence: sequence + 1, ...pick(what.entry) }
        : {
            epoch: nextEpoch(this.epoch),
            sequence: 0,
            payload: nothing,
            firstRevision: nextRevision,
            revisionCount: 0,
          };
    const { bytes, chain: chainThen } = context.codec.encode({ id: context.id, chainBefore: chain, ...turn });
    const after = turn.firstRevision + turn.revisionCount;
    const head = { position: nextPosition(position), epoch: turn.epoch, sequence: turn.sequence, chain: chainThen };
    return { context, bytes, head: { ...head, nextRevision: after } };
  }

  /** Whether somebody else's record stands after this position. Ours may: an append whose answer is still under way. */
  async #foreignAfter(from: Position): Promise<boolean> {
    const { store, codec, extent } = this.#context;
    for (let at = from; ;) {
      const read = await store.read(at, 1);
      if (read.kind === 'gone') return true;
      for (const { position, bytes } of read.records) {
        extent.saw(position);
        if (codec.decode(position, bytes).epoch !== this.epoch) return true;
        at = position;
      }
      if (read.records.length === 0 && read.last <= at) return false;
      if (read.records.length === 0) at = position(Math.max(at, read.first - 1)); // trimmed, by whoever leads
    }
  }

  /** Looks whenever the log grows by what is not ours, so that who is deposed learns of it before it writes. */
  async #watch(): Promise<void> {
    const { ports, config, closed } = this.#context;
    const ends = [this.#lost.signal, closed];
    while (!this.#finished) {
      try {
        const at = this.#head.position;
        await within(ports.timers, Infinity, ends, (signal) => this.#context.store.grown(at, signal));
        await this.#turn;
        if (this.#finished || this.#head.position > at) continue;
        if (await this.#foreignAfter(at)) this.#finish();
        else await pause(ports.timers, ports.randomness.float() * 50, ends); // a store that reads less than it knows
      } catch (error) {
        if (closed.aborted) this.#finish();
        if (this.#finished || !isPassing(error)) return; // the next append or confirm meets it, and tells
        await pause(ports.timers, ports.randomness.float() * config.attemptMsMax, ends).catch(() => {});
      }
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const { timers } = this.#context.ports;
    timers.after(0, () => {
      const values = { log: this.#context.name, epoch: this.epoch };
      this.#lost.abort(new LockstepError('stopped', 'this writer leads no more', { values }));
    });
  }
}

const pick = ({ payload, firstRevision, revisionCount }: LogEntry): LogEntry => ({
  payload,
  firstRevision,
  revisionCount,
});

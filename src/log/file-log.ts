/** A handle on a log in a directory. */
import { isLockstepError, type LockstepError } from '../kernel/errors.ts';
import { closedLog, stand } from './campaign.ts';
import { checked } from './checked.ts';
import { position } from './coordinates.ts';
import { goneLog, type Cursor, type FileCore } from './file-core.ts';
import { listOpenLog } from './file-format.ts';
import { FileWriter } from './file-writer.ts';
import { Follower, replaced, rolledBack } from './follow.ts';
import type { Hold, Log, LogBatch, LogId, LogReadOptions, LogWriter, Position } from './port.ts';
import { ownerBytes } from './record.ts';
import { within } from './within.ts';

/** How often a reader that waits looks whether another process has the log. */
const lookEveryMs = 1_000;

export class FileLog implements Log {
  readonly id: LogId;
  readonly #core: FileCore;
  readonly #onClose: () => Promise<void>;
  readonly #closing = new AbortController();
  readonly #writers = new Set<FileWriter>();
  #closed = false;

  /** For the room's own use: the engine makes it. `onClose` is called once. */
  constructor(core: FileCore, onClose: () => Promise<void>) {
    this.id = core.context.id;
    this.#core = core;
    this.#onClose = onClose;
  }

  async *read(from: Position, options: LogReadOptions = {}): AsyncGenerator<LogBatch, void, undefined> {
    const { codec, config } = this.#core.context;
    const { chain, batchBytesMax = config.batchBytesMax, signal } = options;
    const follower = new Follower({ id: this.id, after: from, chain });
    const cursor: { at: Cursor | null } = { at: null };
    for (;;) {
      const read = await this.#unlessAborted([signal], () => this.#core.read(follower.last, cursor, batchBytesMax));
      if (read.kind === 'gone') return yield replaced(this.id, follower.last);
      if (read.kind === 'trimmed') return yield read;
      if (read.kind === 'end') {
        if (read.last < follower.last) {
          // A writer may have learned from who took the log over that its record is there; here that is not known yet.
          if (!this.#core.knowsAll) throw this.#core.overtaken(undefined);
          return yield rolledBack(follower.last, read.last);
        }
        await this.#growth(follower.last, signal);
        continue;
      }
      const { first, count, entries } = read;
      const { records, diverged } = checked(follower, count, (index) =>
        codec.decode(position(first + index), entries.bytes, entries.startOf(index), entries.endOf(index)),
      );
      if (records.length > 0) yield { kind: 'records', records };
      if (diverged !== null) return yield diverged;
    }
  }

  async tail(): Promise<Position> {
    this.#check();
    if (this.#core.isGone) throw goneLog(this.id);
    if (!this.#core.knowsAll) throw this.#core.overtaken(undefined);
    return this.#core.tail;
  }

  async acquire(options: { readonly owner: string; readonly signal?: AbortSignal | undefined }): Promise<LogWriter> {
    this.#check();
    const payload = ownerBytes(options.owner);
    const core = this.#core;
    const { ports, config, waits, name } = core.context;
    const closing = this.#closing.signal;
    const isClosed = (): boolean => this.#closed;
    const waitsFor = 'a claim';
    return stand({ ports, config, waits, name, waitsFor, signal: options.signal, closing, isClosed }, (wait) => ({
      look: async () => {
        if (core.isGone) throw goneLog(this.id);
        if (wait !== null && core.isLed) wait.waitsFor = 'silence of who leads in this process';
        return { mark: core.tail, vacant: !core.isLed };
      },
      news: (_signal: AbortSignal) => core.grown(core.tail),
      claim: () => this.#lead(payload),
    }));
  }

  async trim(before: Position): Promise<Position> {
    this.#check();
    return this.#core.trim(before);
  }

  hold(position: Position): Hold {
    this.#check();
    return this.#core.holds.take(position);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#core.context.ports.timers.after(0, () => this.#closing.abort(closedLog()));
    for (const writer of this.#writers) await writer.release();
    await this.#onClose();
  }

  async #lead(payload: Uint8Array): Promise<FileWriter | null> {
    let writer: FileWriter | null = null;
    const led = await this.#core.lead(payload, () => writer?.finish());
    if (led === null) return null;
    writer = new FileWriter(this.#core, led);
    const made = writer;
    this.#writers.add(made);
    made.lost.addEventListener('abort', () => this.#writers.delete(made), { once: true });
    return made;
  }

  /** Waits for more. Another process that claimed the log since says nothing here, so its claim is looked for. */
  async #growth(last: Position, signal: AbortSignal | undefined): Promise<void> {
    const { ports, waits, name } = this.#core.context;
    const wait = waits?.enterIfRoom({ what: 'read', key: name, waitsFor: `position ${last + 1}`, withinMs: null });
    const overtaken = new AbortController();
    const look = (): void => {
      const found = this.#takenOver();
      if (found === null) timer = ports.timers.after(lookEveryMs, look);
      else overtaken.abort(found);
    };
    let timer = ports.timers.after(lookEveryMs, look);
    try {
      const signals = [signal, overtaken.signal];
      await this.#unlessAborted(signals, () => this.#core.grown(last));
    } finally {
      timer.cancel();
      wait?.leave();
    }
  }

  /** Why nothing more will be read here. */
  #takenOver(): LockstepError | null {
    const core = this.#core;
    try {
      if (core.isGone || core.claims.leads(core.newest)) return null;
      listOpenLog(core.context.ports.disk, core.context.directory); // a directory that is gone is told as such
      return core.overtaken(undefined);
    } catch (error) {
      if (isLockstepError(error)) return error;
      throw error;
    }
  }

  async #unlessAborted<T>(signals: readonly (AbortSignal | undefined)[], call: () => Promise<T>): Promise<T> {
    this.#check();
    const { timers } = this.#core.context.ports;
    const ended = await within(timers, Infinity, [...signals, this.#closing.signal], call);
    if (ended.kind === 'done') return ended.value;
    throw closedLog();
  }

  #check(): void {
    if (this.#closed) throw closedLog();
  }
}

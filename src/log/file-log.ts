/** A handle on a log in a directory. */
import { LockstepError } from '../kernel/errors.ts';
import { campaign } from './campaign.ts';
import { position } from './coordinates.ts';
import { goneLog, type Cursor, type FileCore } from './file-core.ts';
import { FileWriter } from './file-writer.ts';
import { Follower, replaced, rolledBack, type Diverged } from './follow.ts';
import type { Hold, Log, LogBatch, LogId, LogReadOptions, LogWriter, Position } from './port.ts';
import { ownerBytes, type StoredRecord } from './record.ts';
import { within } from './within.ts';

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

  async *read(from: Position, { chain, signal }: LogReadOptions = {}): AsyncGenerator<LogBatch, void, undefined> {
    const follower = new Follower({ id: this.id, after: from, chain });
    const { batchBytesMax } = this.#core.context.config;
    const cursor: { at: Cursor | null } = { at: null };
    for (;;) {
      const read = await this.#unlessAborted(signal, () => this.#core.read(follower.last, cursor, batchBytesMax));
      if (read.kind === 'gone') return yield replaced(this.id, follower.last);
      if (read.kind === 'trimmed') return yield read;
      if (read.kind === 'end') {
        if (read.last < follower.last) return yield rolledBack(follower.last, read.last);
        await this.#growth(follower.last, signal);
        continue;
      }
      const { records, diverged } = this.#checked(follower, read);
      if (records.length > 0) yield { kind: 'records', records };
      if (diverged !== null) return yield diverged;
    }
  }

  async tail(): Promise<Position> {
    this.#check();
    if (this.#core.isGone) throw goneLog(this.id);
    return this.#core.tail;
  }

  async acquire(options: { readonly owner: string; readonly signal?: AbortSignal | undefined }): Promise<LogWriter> {
    this.#check();
    const payload = ownerBytes(options.owner);
    const core = this.#core;
    const { ports, config, waits, name } = core.context;
    const wait = waits?.enter({ what: 'acquire', key: name, waitsFor: 'a claim', withinMs: null });
    const candidacy = {
      look: async () => {
        if (core.isGone) throw goneLog(this.id);
        if (wait !== undefined && core.isLed) wait.waitsFor = 'silence of who leads in this process';
        return { mark: core.tail, vacant: !core.isLed };
      },
      news: (_signal: AbortSignal) => core.grown(core.tail),
      claim: () => this.#lead(payload),
    };
    try {
      const writer = await campaign(ports, config, candidacy, [options.signal, this.#closing.signal]);
      if (!this.#closed && options.signal?.aborted !== true) return writer;
      await writer.release();
      options.signal?.throwIfAborted();
      throw closedLog();
    } finally {
      wait?.leave();
    }
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

  /** The records up to the first that does not belong. */
  #checked(
    follower: Follower,
    read: { readonly first: Position; readonly records: readonly Uint8Array[] },
  ): { records: readonly StoredRecord[]; diverged: Diverged | null } {
    const records: StoredRecord[] = [];
    for (const [index, bytes] of read.records.entries()) {
      const record = this.#core.context.codec.decode(position(read.first + index), bytes);
      const diverged = follower.accept(record);
      if (diverged !== null) return { records, diverged };
      records.push(record);
    }
    return { records, diverged: null };
  }

  async #growth(last: Position, signal: AbortSignal | undefined): Promise<void> {
    const { waits, name } = this.#core.context;
    const wait = waits?.enter({ what: 'read', key: name, waitsFor: `position ${last + 1}`, withinMs: null });
    try {
      await this.#unlessAborted(signal, () => this.#core.grown(last));
    } finally {
      wait?.leave();
    }
  }

  async #unlessAborted<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    this.#check();
    const { timers } = this.#core.context.ports;
    const ended = await within(timers, Infinity, [signal, this.#closing.signal], call);
    if (ended.kind === 'done') return ended.value;
    throw closedLog();
  }

  #check(): void {
    if (this.#closed) throw closedLog();
  }
}

const closedLog = (): LockstepError => new LockstepError('stopped', 'the log is closed');

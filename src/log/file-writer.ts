/** Who leads a log in a directory: appends, and acknowledges what is synced once it has seen that no newer claim is there. */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { nextPosition } from './coordinates.ts';
import type { FileCore, Head, Led } from './file-core.ts';
import type { Epoch, LogEntry, LogWriter, Position } from './port.ts';

type AppendOutcome = Awaited<ReturnType<LogWriter['append']>>;
const fenced: AppendOutcome = Object.freeze({ kind: 'fenced' });

export class FileWriter implements LogWriter {
  readonly epoch: Epoch;
  readonly start: Position;
  readonly #core: FileCore;
  readonly #led: Led;
  readonly #lost = new AbortController();
  #head: Head;
  #sequence = 0;
  #appending: Promise<unknown> | null = null;
  #finished = false;

  /** For the room's own use: `acquire` makes it. */
  constructor(core: FileCore, led: Led) {
    this.#core = core;
    this.#led = led;
    this.#head = led.claim;
    this.epoch = led.epoch;
    this.start = led.claim.position;
  }

  get chain(): string {
    return this.#head.chain;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async append(entry: LogEntry): Promise<AppendOutcome> {
    const { codec, waits, name } = this.#core.context;
    if (this.#appending !== null)
      throw new LockstepError('misuse', 'one append at a time: the last one is still under way');
    codec.check(entry);
    const waitsFor = `position ${this.#head.position + 1}, on the disk`;
    const wait = waits?.enterIfRoom({ what: 'append', key: name, waitsFor, withinMs: null });
    const appending = this.#append(entry);
    this.#appending = appending;
    try {
      return await appending;
    } finally {
      this.#appending = null;
      wait?.leave();
    }
  }

  /**
   * `held`: at the moment of this call there was no newer claim and the own one was there. Whoever leads after us claims
   * before it acknowledges anything, so until that moment nobody had. A look at two names; nothing is written or synced.
   */
  async confirm(): Promise<'held' | 'lost'> {
    if (!this.#finished && !this.#core.claims.leads(this.epoch)) this.finish();
    return this.#finished ? 'lost' : 'held';
  }

  async release(): Promise<void> {
    await this.#appending?.catch(() => {}); // told to who appended
    if (this.#finished) return;
    this.finish();
    await this.#led.journal.close();
  }

  /** It leads no more. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#core.resigned(this.#led);
    const { ports, name } = this.#core.context;
    ports.timers.after(0, () => {
      const values = { log: name, epoch: this.epoch };
      this.#lost.abort(new LockstepError('stopped', 'this writer leads no more', { values }));
    });
  }

  async #append({ payload, firstRevision, revisionCount }: LogEntry): Promise<AppendOutcome> {
    const { codec, id } = this.#core.context;
    try {
      // Not what safety rests on: who is overtaken already need not write, and knows for certain.
      if (!this.#finished && !this.#core.claims.leads(this.epoch)) this.finish();
      if (this.#finished) return fenced;
      const turn = { epoch: this.epoch, sequence: this.#sequence + 1, firstRevision, revisionCount };
      const fields = { id, chainBefore: this.#head.chain, payload, ...turn };
      let chain = '';
      const outcome = await this.#led.journal.appendWritten(codec.bytesOf(fields), (into, at) => {
        chain = codec.encodeInto(into, at, fields);
      });
      const at = nextPosition(this.#head.position);
      const head = { position: at, chain, nextRevision: firstRevision + revisionCount };
      if (outcome.kind === 'appended') {
        this.#head = head;
        this.#sequence++;
        this.#core.grew();
        return { kind: 'appended', position: at };
      }
      if (outcome.kind === 'full') throw new LockstepError('overloaded', 'too much waits for the disk');
      this.finish();
      if ((await this.#core.settle(this.epoch, at)) !== 'appended') return fenced;
      this.#head = head;
      return { kind: 'appended', position: at };
    } catch (error) {
      if (!isLockstepError(error, 'overloaded')) this.finish();
      throw error;
    }
  }
}

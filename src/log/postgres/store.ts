/** One log in PostgreSQL: a `RecordStore` over its chunks. Every answer comes from one statement, so from one state. */
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { position } from '../coordinates.ts';
import type { LogId, Position } from '../port.ts';
import type { RecordStore, StoredBytes, StoreRead } from '../store.ts';
import { Chunks, onStandby } from './chunks.ts';
import { dropChunk, type PostgresContext } from './context.ts';
import type { SqlRow } from './sql-client.ts';
import { sqlStateOf, sqlStates } from './sql-errors.ts';
import { ChunkStatements } from './chunk-statements.ts';
import { appendToNextText, barrierText, bytesInText, createNextScript, readTextOf, trimText } from './statements.ts';

/** How often a call looks anew which chunks there are, as others begin and drop them. */
const turnsMax = 5;
/** A read of so many bytes is shorter by COPY, whose planning takes a fifth of a millisecond. */
const copyFromBytes = 32_768;
/** Past every record: what is read there is where the log ends. */
const pastAll: Position = position(Number.MAX_SAFE_INTEGER - 1);

/** The table of the next chunk, made ahead of its use. */
interface Next {
  readonly chunk: number;
  readonly made: Promise<'made' | LockstepError>;
  ready: boolean;
}

export class PostgresStore implements RecordStore {
  readonly id: LogId;
  readonly #context: PostgresContext;
  /** What is known of the chunks; null: to be looked at. */
  #chunks: Chunks | null = null;
  /** Of the newest chunk, once it was counted. */
  #filled: { readonly chunk: number; bytes: number } | null = null;
  #next: Next | null = null;
  readonly #statements: ChunkStatements;
  /** The last row that a read has shown. */
  #top = 0;
  /** How large records are, by the last read; unknown before. */
  #recordBytes = Infinity;
  #copies = true;
  /** An append may have been committed without its answer. */
  #inDoubt = false;
  #underWay = 0;
  #closed = false;

  constructor(context: PostgresContext, id: LogId) {
    this.#context = context;
    this.id = id;
    this.#statements = new ChunkStatements(context.names);
    context.growth.enter(id);
  }

  async append(after: Position, bytes: Uint8Array): Promise<'appended' | 'conflict' | 'gone'> {
    for (let turn = 0; turn < turnsMax; turn++) {
      const chunks = await this.#known();
      if (chunks === null) return 'gone';
      const appended = await this.#appendIn(chunks, after, bytes);
      if (appended) {
        this.#context.growth.tell(this.id, after + 1);
        return 'appended';
      }
      this.#chunks = null;
      const now = await this.#known();
      if (now === null) return 'gone';
      if (now.newest.number === chunks.newest.number) return 'conflict';
    }
    return 'conflict';
  }

  async read(after: Position, bytesMax: number): Promise<StoreRead> {
    if (this.#context.waitsForStandby && (this.#inDoubt || this.#underWay > 0)) await this.#barrier();
    // Large records come by COPY, which is planned each time. Whether there is any is asked first, unless it is known.
    const expected = Math.max(1, this.#context.growth.seen(this.id) - after) * this.#recordBytes;
    if (!this.#copies || Math.min(bytesMax, expected) < copyFromBytes) return this.#read(after, bytesMax, 'look');
    if (this.#top > 0 && this.#context.growth.seen(this.id) <= after) {
      const end = await this.#read(pastAll, 1, 'look');
      if (end.kind === 'gone' || end.last <= after) return end;
    }
    return this.#read(after, bytesMax, 'copy');
  }

  async #read(after: Position, bytesMax: number, how: 'look' | 'copy'): Promise<StoreRead> {
    const { names, growth } = this.#context;
    for (let turn = 0; turn < turnsMax; turn++) {
      const chunks = await this.#known();
      if (chunks === null) return { kind: 'gone' };
      const [chunk, { newest }] = [chunks.of(after + 1), chunks];
      const tables = [names.chunk(this.id, chunk.number), names.chunk(this.id, newest.number)] as const;
      const looked = growth.looking(this.id);
      const most = Math.min(bytesMax, Number.MAX_SAFE_INTEGER);
      const rows = await ifThere(() => this.#rows(tables, newest.first, after, most, how));
      if (rows?.length === 0) return { kind: 'gone' };
      const read = rows === null ? null : readOf(rows, after, newest.first);
      const isPart = read !== null && read.records.length === 0 && read.first <= after + 1 && after < read.last;
      if (read !== null && !isPart) {
        looked(read.last);
        this.#top = read.last;
        if (read.records.length > 0) this.#recordBytes = meanBytes(read.records);
        return read;
      }
      this.#chunks = null;
    }
    throw new LockstepError('unavailable', 'the chunks of a log changed again and again while it was read');
  }

  async #rows(
    [table, newest]: readonly [string, string],
    newestFirst: number,
    after: Position,
    bytesMax: number,
    how: 'look' | 'copy',
  ): Promise<readonly SqlRow[]> {
    const { client, names } = this.#context;
    if (how === 'copy') {
      const rows = await client.copy(readTextOf(names, table, newest, { log: this.id, after, bytesMax }));
      if (rows !== null) return rows;
      this.#copies = false;
    }
    return client.look(this.#statements.readOf(table, newest, this.#top - newestFirst), [this.id, after, bytesMax]);
  }

  grown(after: Position, signal: AbortSignal): Promise<void> {
    return this.#context.growth.grown(this.id, after, signal);
  }

  /** Whole chunks that end before the position. One that somebody reads stays until the next trim. */
  async trim(before: Position): Promise<void> {
    const { client, names } = this.#context;
    this.#chunks = null;
    const chunks = await this.#known();
    if (chunks === null) return;
    const keep = chunks.of(before);
    if (keep.first > before) return;
    await client.query(trimText(names), [this.id, keep.first]);
    for (const { number } of chunks.begun.filter(({ first }) => first < keep.first)) {
      await dropChunk(client, names, this.id, number);
    }
    this.#chunks = null;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.growth.leave(this.id);
  }

  async #known(): Promise<Chunks | null> {
    const { client, names } = this.#context;
    this.#chunks ??= await Chunks.load(client, names, this.id);
    return this.#chunks;
  }

  async #appendIn(chunks: Chunks, after: Position, bytes: Uint8Array): Promise<boolean> {
    const { client, names, commitWait, chunkBytes } = this.#context;
    const { number } = chunks.newest;
    const table = names.chunk(this.id, number);
    const filled = await ifThere(() => this.#filledOf(number, table));
    if (filled === null) return false;
    if (filled.bytes >= chunkBytes / 2) this.#prepare(number + 1);
    // Twice over: it waits for the next one, and tells why there is none.
    const isNext = filled.bytes >= chunkBytes && (await this.#isPrepared(number + 1, filled.bytes >= 2 * chunkBytes));
    const next = names.chunk(this.id, number + 1);
    const values = [after, bytes, commitWait];
    const count = await this.#sent(() =>
      ifThere(() =>
        isNext
          ? client.change(appendToNextText(names, table, next), [...values, this.id, number + 1])
          : client.change(this.#statements.appendTo(table, after + 2 - chunks.newest.first), values),
      ),
    );
    if (count === null || count === 0) return false;
    if (!isNext) filled.bytes += bytes.length;
    else {
      this.#filled = { chunk: number + 1, bytes: bytes.length };
      this.#chunks = new Chunks([...chunks.begun, { number: number + 1, first: after + 1 }]);
    }
    return true;
  }

  /** Where commits wait for standbys, an append is in doubt until a commit after it was acknowledged. */
  async #sent(call: () => Promise<number | null>): Promise<number | null> {
    this.#underWay++;
    try {
      const count = await call();
      if (count !== null && count > 0) this.#inDoubt = false;
      return count;
    } catch (error) {
      if (!isLockstepError(error) || error.happened !== 'no') this.#inDoubt = true;
      throw error;
    } finally {
      this.#underWay--;
    }
  }

  /**
   * After a lost answer the record may be seen though no standby has it: after a crash the primary shows what it had
   * committed alone. A commit that waits for the standbys settles that for all before it.
   */
  async #barrier(): Promise<void> {
    const { client, names, commitWait } = this.#context;
    await client.query(barrierText(names), [this.id, commitWait]);
    this.#inDoubt = false;
  }

  async #filledOf(chunk: number, table: string): Promise<{ bytes: number }> {
    if (this.#filled?.chunk === chunk) return this.#filled;
    const [row] = await this.#context.client.look(bytesInText(table), []);
    const filled = { chunk, bytes: Number(row?.[0]) };
    this.#filled = filled;
    return filled;
  }

  /** Makes the table of the next chunk, while appends go on in this one. */
  #prepare(chunk: number): void {
    if (this.#next?.chunk === chunk) return;
    const { client, names } = this.#context;
    const next: Next = {
      chunk,
      ready: false,
      made: client.script(createNextScript(names, this.id, chunk)).then(
        () => {
          next.ready = true;
          return 'made';
        },
        (error: unknown) => {
          if (this.#next === next) this.#next = null; // and tried again by the next append
          return isLockstepError(error)
            ? error
            : new LockstepError('unknown', 'a chunk could not be made', { cause: error });
        },
      ),
    };
    this.#next = next;
  }

  async #isPrepared(chunk: number, waits: boolean): Promise<boolean> {
    const next = this.#next?.chunk === chunk ? this.#next : null;
    if (next === null || (!next.ready && !waits)) return false;
    const made = await next.made;
    // The log is gone, or somebody else made it: the append finds out.
    const passing =
      made !== 'made' &&
      [sqlStates.notNullViolation, sqlStates.uniqueViolation].some((one) => one === sqlStateOf(made));
    if (made !== 'made' && !passing && waits) throw made.happened === 'no' ? made : unmade(made);
    return made === 'made';
  }
}

const meanBytes = (records: readonly StoredBytes[]): number =>
  records.reduce((sum, { bytes }) => sum + bytes.length, 0) / records.length;

/** Whatever became of the table, the append was not sent. */
const unmade = (cause: LockstepError): LockstepError =>
  new LockstepError('unavailable', 'the next chunk of a log could not be made', { cause });

/** Null when a table is not there: dropped by a trim or a removal that this process has not seen. */
async function ifThere<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (sqlStateOf(error) === sqlStates.undefinedTable) return null;
    throw error;
  }
}

/** Null when the newest chunk that is known is sealed: there is a newer one. */
function readOf(
  rows: readonly SqlRow[],
  after: Position,
  newestFirst: number,
): Extract<StoreRead, { kind: 'records' }> | null {
  const [standby, first, top, isMark] = rows[0] ?? [];
  if (standby === 'true') throw onStandby();
  if (isMark === 'true' && Number(top) >= newestFirst) return null;
  const records = rows.flatMap((row) => recordOf(row));
  const isNext = records[0]?.position === after + 1;
  return {
    kind: 'records',
    records: isNext ? records : [],
    first: position(Number(first)),
    last: position(Number(top)),
  };
}

function recordOf(row: SqlRow): readonly StoredBytes[] {
  const [at, bytes] = [row[4], row[5]];
  if (at === null) return [];
  if (bytes instanceof Uint8Array) return [{ position: position(Number(at)), bytes }];
  throw new LockstepError('misuse', 'this client does not give bytes for `bytea`', {
    values: { found: typeof bytes },
    advice: ['do not set a type parser of your own for it (type 17)'],
  });
}

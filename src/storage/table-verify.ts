/**
 * Reads a whole table and tells what is wrong with it: every checksum, the order of entries, and whether index, filter,
 * heads and properties say what the blocks do. It goes on behind a damaged block, so that one report names all.
 */
import { compareRanges } from '../bytes/compare.ts';
import type { Disk } from '../env/disk.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { headOf } from './block-builder.ts';
import { BlockReader } from './block.ts';
import { keyHash } from './key-hash.ts';
import { openTable, type Table, type TableOptions } from './table.ts';
import { sealBytes } from './table-format.ts';
import type { TableProperties } from './table-properties.ts';

export interface TableDamage {
  readonly path: string;
  /** In the file, of the block or part, in bytes. */
  readonly offset: number;
  readonly what: string;
}

export interface TableReport {
  /** Null where the file cannot be opened as a table. */
  readonly properties: TableProperties | null;
  readonly damages: readonly TableDamage[];
}

/** What is counted again and must be as the properties say. */
const countNames = ['entryCount', 'keyCount', 'tombstoneCount', 'keyBytes', 'valueBytes'] as const;

/** Loaded at once, off this thread. */
const windowBytes = 256 * 1024;

/**
 * Reads all of the table's file; other work runs in between.
 * @throws LockstepError `invalid` for another version of the format or a codec that was not given; what reading a file
 * throws. Damage is in the report.
 */
export async function verifyTable(disk: Disk, path: string, options: TableOptions): Promise<TableReport> {
  let table: Table;
  try {
    table = await openTable(disk, path, { ...options, cache: null });
  } catch (error) {
    return { properties: null, damages: [damageOf(error)] };
  }
  try {
    const check = new TableCheck(table);
    for (let block = 0; block < table.index.blockCount;) block = await checkWindow(table, check, block);
    check.end();
    return { properties: table.properties, damages: check.damages };
  } finally {
    table.close();
  }
}

/** Blocks from `first` on, as many as one load brings; the block after them. */
async function checkWindow(table: Table, check: TableCheck, first: number): Promise<number> {
  const { blocks } = table;
  let [after, count] = [first + 1, blocks.storedBytes(first)];
  while (after < blocks.count && count + blocks.storedBytes(after) <= windowBytes) count += blocks.storedBytes(after++);
  const bytes = new Uint8Array(count);
  const loaded = await blocks.file.load(bytes, blocks.offset(first));
  let start = 0;
  for (let block = first; block < after; block++) {
    const end = start + blocks.storedBytes(block);
    check.block(block, bytes, start, Math.min(end, loaded));
    start = end;
  }
  return after;
}

class TableCheck {
  readonly damages: TableDamage[] = [];
  readonly #table: Table;
  readonly #reader = new BlockReader();
  #last = new Uint8Array(0);
  #lastCode = 0;
  /** Nothing is behind yet, or what is could not be read. */
  #lastIsKnown = false;
  readonly #counts = { entryCount: 0, keyCount: 0, tombstoneCount: 0, keyBytes: 0, valueBytes: 0 };

  constructor(table: Table) {
    this.#table = table;
  }

  /** `bytes`, from `start` to `end`, are the block as it is stored. */
  block(block: number, bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    try {
      const raw = this.#table.blocks.unpack(bytes, start, end, block);
      if (raw === null) reader.open(bytes, start, end - sealBytes);
      else reader.open(raw, 0, raw.length);
    } catch (error) {
      this.damages.push(damageOf(error));
      this.#lastIsKnown = false;
      return;
    }
    for (let index = 0; index < reader.count; index++) {
      reader.moveTo(index);
      const what = reader.valueEnd > reader.entriesEnd ? 'an entry ends behind its block' : this.#entry(block, index);
      if (what === null) continue;
      this.#tell(block, what);
      this.#lastIsKnown = false;
      return;
    }
  }

  /** Once all blocks were seen. */
  end(): void {
    const { properties, path, blocks } = this.#table;
    if (this.damages.length > 0) return;
    const wrong = countNames.find((name) => this.#counts[name] !== properties[name]);
    const largest = properties.largestKey;
    const isLast =
      largest === null || compareRanges(largest, 0, largest.length, this.#last, 0, this.#last.length) === 0;
    if (wrong === undefined && isLast) return;
    const offset = blocks.count === 0 ? 0 : blocks.offset(blocks.count - 1);
    this.damages.push({ path, offset, what: `its properties do not fit its entries: ${wrong ?? 'largestKey'}` });
  }

  /** What is wrong with the entry that the reader shows; null: nothing. */
  #entry(block: number, index: number): string | null {
    const reader = this.#reader;
    const { bytes, prefixStart, prefixEnd, keyStart, keyEnd, code } = reader;
    const prefixLength = prefixEnd - prefixStart;
    const key = new Uint8Array(prefixLength + keyEnd - keyStart);
    key.set(bytes.subarray(prefixStart, prefixEnd));
    key.set(bytes.subarray(keyStart, keyEnd), prefixLength);
    const wasKnown = this.#lastIsKnown;
    const order = wasKnown ? compareRanges(this.#last, 0, this.#last.length, key, 0, key.length) : -1;
    const lastCode = this.#lastCode;
    this.#count(key, order !== 0);
    this.#last = key;
    this.#lastCode = code;
    this.#lastIsKnown = true;
    if (order > 0 || (order === 0 && lastCode <= code)) return 'entries are not in order';
    if (reader.headAt(index) !== headOf(bytes, keyStart, keyEnd)) return 'a head is not that of its key';
    if (this.#table.index.blockOf(key, 0, key.length, code) > block) return 'the index leads past an entry';
    if (index === 0 && this.#table.index.compareSeparator(block, key, 0, key.length) > 0)
      return 'the index leads to a block that begins behind';
    if (index === 0 && wasKnown && this.#table.index.continues(block) !== (order === 0))
      return 'the index does not know where a key goes on';
    const isKept = this.#table.filter?.mayHave(keyHash(key, 0, key.length)) ?? true;
    return isKept ? null : 'the filter denies a key';
  }

  #count(key: Uint8Array, isNew: boolean): void {
    const { isDelete, valueStart, valueEnd } = this.#reader;
    const counts = this.#counts;
    counts.entryCount++;
    if (isNew) counts.keyCount++;
    if (isDelete) counts.tombstoneCount++;
    counts.keyBytes += key.length;
    counts.valueBytes += valueEnd - valueStart;
  }

  #tell(block: number, what: string): void {
    this.damages.push({ path: this.#table.path, offset: this.#table.blocks.offset(block), what });
  }
}

/** Of an error that tells damage; any other is thrown on. */
function damageOf(error: unknown): TableDamage {
  if (!isLockstepError(error, 'corrupt') || !(error instanceof LockstepError)) throw error;
  const { path, offset } = error.values;
  return { path: String(path), offset: Number(offset), what: error.message.split('\n')[0] ?? error.message };
}

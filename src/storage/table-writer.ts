/**
 * Turns a walk over entries into tables: what is kept, cut into files of about one size, never within the versions of
 * a key. Each range tombstone goes, cut to fit, into every table whose part of the keys it covers. Runs in a job.
 */
import { compareBytes } from '../bytes/compare.ts';
import type { Disk } from '../env/disk.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { BlockCodec } from './codec.ts';
import type { EntryCursor, RangeTombstone } from './entry-cursor.ts';
import type { TableMeta } from './manifest.ts';
import type { Retention } from './retention.ts';
import { TableBuilder } from './table-builder.ts';
import { tablePath } from './table-name.ts';
import type { TableProperties } from './table-properties.ts';

export interface TableWriterSettings {
  readonly directory: string;
  /** Numbers from this on, so many, are the writer's to name its tables. */
  readonly firstNumber: number;
  readonly numberCount: number;
  readonly tableBytes: number;
  readonly blockBytes: number;
  readonly filterBitsPerKey: number;
  /** No revision that is kept is below it. */
  readonly revisionBase: number;
  /** Versions not above it lose their revision: -1 while there is anything older beneath. */
  readonly zeroedFloor: number;
}

/** Writes, syncs and names the tables. What it leaves when it fails nobody refers to. @throws what the disk throws. */
export async function writeTables(
  disk: Disk,
  entries: EntryCursor,
  retention: Retention,
  settings: TableWriterSettings,
  codec: BlockCodec | null,
): Promise<readonly TableMeta[]> {
  const writer = new TableWriter(disk, retention.ranges(), settings, codec);
  try {
    for (entries.first(); entries.valid; entries.next()) {
      if (!retention.keeps(entries)) continue;
      if (retention.isNewKey && writer.isFull)
        await writer.end(entries.keyBytes.slice(entries.keyStart, entries.keyEnd));
      writer.add(entries);
    }
    await writer.end(null);
  } finally {
    writer.close();
  }
  if (writer.tables.length > 0) await disk.syncDirectory(settings.directory);
  return writer.tables;
}

class TableWriter {
  readonly tables: TableMeta[] = [];
  readonly #disk: Disk;
  readonly #settings: TableWriterSettings;
  readonly #codec: BlockCodec | null;
  /** Those that have not yet been written to their end, in order of their starts. */
  #ranges: readonly RangeTombstone[];
  #open: { readonly file: ReturnType<typeof create>; readonly builder: TableBuilder } | null = null;

  constructor(disk: Disk, ranges: readonly RangeTombstone[], settings: TableWriterSettings, codec: BlockCodec | null) {
    this.#disk = disk;
    this.#ranges = ranges;
    this.#settings = settings;
    this.#codec = codec;
  }

  get isFull(): boolean {
    return this.#open !== null && this.#open.builder.dataBytes >= this.#settings.tableBytes;
  }

  add(entry: EntryCursor): void {
    this.#open ??= this.#begin();
    this.#open.builder.add(entry);
  }

  /** Ends the table before this key, which is the next one's first; null: there is no next one. */
  async end(before: Uint8Array | null): Promise<void> {
    const here = before === null ? this.#ranges : this.#ranges.filter(({ start }) => compareBytes(start, before) < 0);
    if (this.#open === null && here.length === 0) return;
    const { file, builder } = (this.#open ??= this.#begin());
    for (const { start, end, revision } of here) {
      const isCut = before !== null && compareBytes(end, before) > 0;
      builder.addRangeTombstone({ start, end: isCut ? before : end, revision });
    }
    if (before !== null) this.#ranges = restOf(this.#ranges, before);
    const properties = builder.finish();
    await file.sync();
    file.close();
    this.#open = null;
    this.tables.push(metaOf(properties));
  }

  close(): void {
    this.#open?.file.close();
    this.#open = null;
  }

  #begin() {
    const { directory, firstNumber, numberCount, blockBytes, filterBitsPerKey } = this.#settings;
    const { revisionBase, zeroedFloor } = this.#settings;
    const number = firstNumber + this.tables.length;
    assert(number < firstNumber + numberCount, 'there are numbers for all tables of a job');
    const file = create(this.#disk, tablePath(directory, number));
    const { codec } = { codec: this.#codec };
    const options = { number, blockBytes, filterBitsPerKey, revisionBase, floor: zeroedFloor, codec };
    return { file, builder: new TableBuilder(file, options) };
  }
}

function create(disk: Disk, path: string) {
  const file = disk.open(path, 'create');
  if (file !== null) return file;
  throw new LockstepError('in-use', 'the name of a new table is taken: another process writes here', {
    values: { path },
  });
}

/** What of them lies at or after the key. */
const restOf = (ranges: readonly RangeTombstone[], from: Uint8Array): readonly RangeTombstone[] =>
  ranges
    .filter(({ end }) => compareBytes(end, from) > 0)
    .map((one) => (compareBytes(one.start, from) < 0 ? { ...one, start: from } : one));

function metaOf(properties: TableProperties): TableMeta {
  const { smallestKey, largestKey, rangeStart, rangeEnd } = properties;
  const smallest = [smallestKey, rangeStart].filter((one) => one !== null).toSorted(compareBytes)[0];
  const largest = [largestKey, rangeEnd]
    .filter((one) => one !== null)
    .toSorted(compareBytes)
    .at(-1);
  assert(smallest !== undefined && largest !== undefined, 'a table is not empty');
  const { number, fileBytes, entryCount, tombstoneCount, rangeTombstoneCount } = properties;
  const { firstRevision, lastRevision } = properties;
  return {
    number,
    bytes: fileBytes,
    smallest,
    largest,
    entryCount,
    tombstoneCount,
    rangeTombstoneCount,
    firstRevision,
    lastRevision,
  };
}

/**
 * What the files of a tree say, for a person who looks at them: levels, tables, journal, leavings, damage. Reads every
 * byte, changes nothing, goes on behind damage, and may run beside the process that has the tree. Made for
 * `lockstep storage inspect`.
 */
import type { Disk } from '../env/disk.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { recover, type JournalCut } from '../wal/recovery.ts';
import { firstLine } from './damaged-table.ts';
import { manifestName, readManifest, type Manifest, type TableMeta } from './manifest.ts';
import { tableName, tablePath } from './table-name.ts';
import { verifyTable } from './table-verify.ts';
import { damageOf, type TreeDamage } from './tree-damage.ts';
import { journalIn, tablesIn } from './tree-places.ts';
import { unfinishedName } from './unfinished.ts';
import { damagesOf } from './verify-tree.ts';

export interface TableInspection extends TableMeta {
  readonly file: string;
  /** Of keys and values before they were shared and compressed; null where the file cannot be opened. */
  readonly keyBytes: number | null;
  readonly valueBytes: number | null;
  readonly codec: string | null;
  /** Why its blocks were not read, in words; null: they were. Such as a codec that is not here. */
  readonly unread: string | null;
}

export interface JournalInspection {
  readonly segmentCount: number;
  readonly bytes: number;
  /** Of the first write that is kept, and the last; null when there is none. */
  readonly firstRevision: number | null;
  readonly lastRevision: number | null;
  /** A group at its end that is torn: nobody was told of it. */
  readonly torn: JournalCut | null;
}

export interface TreeInspection {
  /** Null where it cannot be read. */
  readonly manifest: Omit<Manifest, 'levels'> | null;
  readonly levels: readonly (readonly TableInspection[])[];
  /** Null where there is none, or it cannot be read. */
  readonly journal: JournalInspection | null;
  /** A checkpoint or an import that did not end. */
  readonly isUnfinished: boolean;
  /** Files among the tables that the manifest does not name: being written, held by readers, or left by a crash; the next opening takes them away. */
  readonly leavings: readonly string[];
  readonly damages: readonly TreeDamage[];
}

/** Null if there is no tree in the directory. @throws LockstepError `disk-failed` for what the disk refuses. */
export async function inspectTree(disk: Disk, directory: string): Promise<TreeInspection | null> {
  const tables = tablesIn(directory);
  const names = (disk.list(tables) ?? []).map(({ name }) => name);
  const isUnfinished = names.includes(unfinishedName);
  const hasManifest = names.includes(manifestName);
  if (!hasManifest && !isUnfinished && !names.some((name) => name.endsWith('.table'))) return null;
  const read = readIt(disk, tables);
  const inspector = new TableInspector(disk, tables);
  const manifest = read.manifest === null ? null : await inspector.all(read.manifest);
  const journal = await inspectJournal(disk, directory);
  const named = new Set((manifest?.levels ?? []).flat().map(({ number }) => tableName(number)));
  const leavings = (disk.list(tables) ?? []).map(({ name }) => name);
  const { levels = [], ...facts } = manifest ?? {};
  return {
    manifest: manifest === null ? null : (facts as Omit<Manifest, 'levels'>),
    levels: levels.map((level) => level.map((meta) => inspector.inspectionOf(meta))),
    journal: journal.journal,
    isUnfinished,
    leavings: leavings.filter((name) => name !== manifestName && name !== unfinishedName && !named.has(name)),
    damages: [...read.damages, ...inspector.damagesIn(levels), ...journal.damages],
  };
}

function readIt(
  disk: Disk,
  tables: string,
): { readonly manifest: Manifest | null; readonly damages: readonly TreeDamage[] } {
  const path = `${tables}/${manifestName}`;
  try {
    const manifest = readManifest(disk, tables);
    const isMissing = manifest === null && disk.stat(`${tables}/${unfinishedName}`) === null;
    const missing = { path, offset: 0, what: 'the manifest of a tree is missing', keys: null };
    return { manifest, damages: isMissing ? [missing] : [] };
  } catch (error) {
    return { manifest: null, damages: [damageOf(error, path, null)] };
  }
}

interface Inspected {
  readonly inspection: TableInspection;
  readonly damages: readonly TreeDamage[];
}

class TableInspector {
  readonly #disk: Disk;
  readonly #tables: string;
  readonly #inspected = new Map<number, Inspected>();

  constructor(disk: Disk, tables: string) {
    this.#disk = disk;
    this.#tables = tables;
  }

  /** All tables of a manifest: of a newer one where they go while they are looked at, because a process has the tree. */
  async all(manifest: Manifest): Promise<Manifest> {
    for (const meta of manifest.levels.flat()) {
      if (this.#inspected.has(meta.number)) continue;
      const inspected = await this.#inspect(meta);
      const newer = inspected.damages.length > 0 ? readManifest(this.#disk, this.#tables) : null;
      const isGone = newer !== null && !newer.levels.flat().some(({ number }) => number === meta.number);
      if (isGone) return this.all(newer);
      this.#inspected.set(meta.number, inspected);
    }
    return manifest;
  }

  inspectionOf({ number }: TableMeta): TableInspection {
    return (this.#inspected.get(number) as Inspected).inspection;
  }

  damagesIn(levels: Manifest['levels']): readonly TreeDamage[] {
    return levels.flat().flatMap(({ number }) => this.#inspected.get(number)?.damages ?? []);
  }

  async #inspect(meta: TableMeta): Promise<Inspected> {
    const path = tablePath(this.#tables, meta.number);
    const facts = { ...meta, file: path, keyBytes: null, valueBytes: null, codec: null, unread: null };
    try {
      const report = await verifyTable(this.#disk, path, { number: meta.number, cache: null });
      const { keyBytes = null, valueBytes = null, codec = null } = report.properties ?? {};
      return { inspection: { ...facts, keyBytes, valueBytes, codec }, damages: damagesOf(report, meta, path) };
    } catch (error) {
      if (isLockstepError(error, 'invalid')) return { inspection: { ...facts, unread: firstLine(error) }, damages: [] };
      return { inspection: facts, damages: [damageOf(error, path, meta)] };
    }
  }
}

async function inspectJournal(
  disk: Disk,
  directory: string,
): Promise<{ readonly journal: JournalInspection | null; readonly damages: readonly TreeDamage[] }> {
  const files = journalIn(directory);
  // Its owner may give up a segment while it is looked at; what is damaged is so at the second look, too.
  for (let look = 1; ; look++) {
    try {
      const recovered = await recover(disk, files);
      if (recovered === null) return { journal: null, damages: [] };
      const { map, cut } = recovered;
      const segments = (disk.list(files.directory) ?? []).filter(({ name }) => name.endsWith('.seg'));
      const isEmpty = map.nextPosition === map.first;
      const journal = {
        segmentCount: segments.length,
        bytes: segments.reduce((sum, { size }) => sum + size, 0),
        firstRevision: isEmpty ? null : map.first,
        lastRevision: isEmpty ? null : map.nextPosition - 1,
        torn: cut,
      };
      return { journal, damages: [] };
    } catch (error) {
      const damage = damageOf(error, files.directory, null);
      if (look === 2) return { journal: null, damages: [damage] };
    }
  }
}

/**
 * A checkpoint of a replica, for as long as it is held: the tables that it has at one moment. They never change and stay
 * on the disk until the hold is released, so nothing is copied, and a crash leaves nothing behind.
 */
import { ContentHash, contentName, hashIn } from '../../checkpoint/file-name.ts';
import { contentOf, contentOfFile } from '../../checkpoint/content.ts';
import type { Content } from '../../checkpoint/port.ts';
import type { Disk } from '../../env/disk.ts';
import type { LogId } from '../../log/port.ts';
import { encodeManifest, manifestName, type TableMeta } from '../../storage/manifest.ts';
import { tableName, tablePath } from '../../storage/table-name.ts';
import type { Replica } from '../replica.ts';
import type { CheckpointAbout } from './catalogue.ts';

export interface HeldFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of the content, in hexadecimal digits. */
  readonly hash: () => Promise<string>;
  readonly content: () => Content;
}

export interface HeldCheckpoint {
  readonly about: CheckpointAbout;
  /** The tree's manifest, then its tables. */
  readonly files: readonly HeldFile[];
  release(): void;
}

/** Holds checkpoints, and remembers the hashes of tables: each is read for that once. */
export class CheckpointHolder {
  readonly #disk: Disk;
  readonly #replica: Replica;
  readonly #log: LogId;
  #hashes = new Map<string, string>();

  constructor(disk: Disk, replica: Replica, log: LogId) {
    this.#disk = disk;
    this.#replica = replica;
    this.#log = log;
  }

  /**
   * Of what was flushed, as it is now. `directory`: where its tables are. Null: nothing was, or, after a restart, the log
   * was not read again up to there.
   */
  hold(directory: string): HeldCheckpoint | null {
    const { tree, identity, time, level } = this.#replica;
    const { manifest } = tree.background;
    const mark = this.#replica.flushedMark;
    if (mark === null || identity === null || time === null || !this.#replica.knowsTimeOfFlushed) return null;
    const revision = manifest.flushedRevision;
    const set = tree.background.tables.hold();
    // What is read below the floor of whoever took it may be above what is in it: its own begins where it ends.
    const encoded = encodeManifest({ ...manifest, floor: Math.min(manifest.floor, revision) });
    const tables = manifest.levels.flat();
    const hashes = new Map<string, string>();
    const files = tables.map((table) => this.#fileOf(directory, table, hashes));
    this.#hashes = hashes;
    return {
      about: {
        partition: identity.id,
        generation: identity.generation,
        revision,
        log: this.#log,
        position: mark.position,
        chain: mark.chain,
        time,
        level,
      },
      files: [manifestFile(encoded), ...files],
      release: () => set.release(),
    };
  }

  #fileOf(directory: string, { number, bytes }: TableMeta, hashes: Map<string, string>): HeldFile {
    const path = tablePath(directory, number);
    const content = (): Content => contentOfFile(this.#disk, path);
    const known = this.#hashes.get(path);
    if (known !== undefined) hashes.set(path, known);
    const hash = async (): Promise<string> => {
      const found = hashes.get(path) ?? (await hashOf(content()));
      hashes.set(path, found);
      return found;
    };
    return { name: tableName(number), bytes, hash, content };
  }
}

const manifestFile = (bytes: Uint8Array): HeldFile => ({
  name: manifestName,
  bytes: bytes.length,
  hash: async () => hashIn(contentName(bytes)),
  content: () => contentOf(bytes),
});

async function hashOf(content: Content): Promise<string> {
  const hash = new ContentHash();
  for await (const piece of content) hash.update(piece);
  return hashIn(hash.name());
}

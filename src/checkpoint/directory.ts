/**
 * A checkpoint store in a directory of the disk port; several processes may share it, on one machine or on a file
 * system in which `link` and `rename` are atomic (NFS is one).
 *
 *     files/NAME           each written under incoming/, synced, and then renamed: whole, or not there
 *     pointers/NUMBER      the pointer after its n-th move; the highest number is where it is
 *     incoming/WALL-TOKEN  what is being written; a crash leaves it behind, and a day later it is removed
 *
 * To move the pointer: write the record aside, sync it, link it to the next number (which one process alone can), sync
 * the directory, look again. Numbers older than the last two are removed only then. A process that slept in between may thus find its
 * number free though it was taken and removed; the record that is newest by then does not name its token, so it knows.
 */
import type { Clock } from '../env/clock.ts';
import type { Disk } from '../env/disk.ts';
import { checkPath } from '../env/path.ts';
import type { Randomness } from '../env/randomness.ts';
import { LockstepError } from '../kernel/errors.ts';
import { contentOfFile, verified } from './content.ts';
import { fileName, isFileName, type FileName } from './file-name.ts';
import {
  decodePointer,
  encodePointer,
  fateOf,
  nextRecord,
  pointerOf,
  randomToken,
  samePlace,
  type PointerRecord,
} from './pointer.ts';
import type { CheckpointStore, Content, Pointer, PointOutcome, StoredContent, StoredFile } from './port.ts';

/** What it asks of a world; an `Env` is one. */
export interface DirectoryPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly randomness: Randomness;
}

const pageCountMax = 1_000;
/** A put that takes longer loses what it wrote, and fails. */
const leftoverMs = 86_400_000;
/** How often the newest pointer may be replaced while it is being looked at. */
const looksMax = 100;

/**
 * Opens the store, and makes the directory if there is none.
 * @throws LockstepError `misuse` for a path that is none; `disk-full`, `disk-failed`.
 */
export async function directoryCheckpoints(ports: DirectoryPorts, directory: string): Promise<CheckpointStore> {
  checkPath(directory, 'below the root');
  const store = new DirectoryCheckpoints(ports, directory);
  await store.open();
  return store;
}

class DirectoryCheckpoints implements CheckpointStore {
  readonly #ports: DirectoryPorts;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files: string;
  readonly #incoming: string;
  readonly #pointers: string;

  constructor(ports: DirectoryPorts, directory: string) {
    this.#ports = ports;
    this.#disk = ports.disk;
    this.#directory = directory;
    this.#files = `${directory}/files`;
    this.#incoming = `${directory}/incoming`;
    this.#pointers = `${directory}/pointers`;
  }

  async open(): Promise<void> {
    for (const directory of [this.#files, this.#incoming, this.#pointers]) this.#disk.makeDirectory(directory);
    // Also those that were there: whoever made them may have been killed before it synced them.
    const names = this.#directory.split('/');
    for (let count = 0; count <= names.length; count++) await this.#disk.syncDirectory(names.slice(0, count).join('/'));
    await this.#removeLeftovers();
  }

  async *list(): AsyncGenerator<readonly StoredFile[], void> {
    const entries = this.#disk.list(this.#files) ?? [];
    const files = entries.flatMap(({ name, kind, size }) =>
      kind === 'file' && isFileName(name) ? [{ name, byteCount: size }] : [],
    );
    for (let at = 0; at < files.length; at += pageCountMax) yield files.slice(at, at + pageCountMax);
  }

  async put(name: FileName, content: Content): Promise<'stored' | 'already'> {
    const path = this.#file(name);
    if (this.#disk.stat(path) !== null) {
      await this.#disk.syncDirectory(this.#files); // of another process, which may have been killed before it did
      return 'already';
    }
    const written = await this.#write(verified(name, content, 'the content given to put'));
    await this.#orDiscard(written, async () => this.#disk.rename(written, path));
    await this.#disk.syncDirectory(this.#files);
    return 'stored';
  }

  async get(name: FileName): Promise<StoredContent | null> {
    const path = this.#file(name);
    const there = this.#disk.stat(path);
    if (there === null) return null;
    return { byteCount: there.size, content: verified(name, contentOfFile(this.#disk, path), path) };
  }

  async remove(name: FileName): Promise<void> {
    await this.#disk.remove(this.#file(name));
    await this.#disk.syncDirectory(this.#files);
  }

  async pointer(): Promise<Pointer | null> {
    return pointerOf(await this.#newest());
  }

  async point(to: FileName, ifWas: Pointer | null): Promise<PointOutcome> {
    if (this.#disk.stat(this.#file(to)) === null) {
      throw new LockstepError('misuse', 'the pointer leads to a file that is there', { values: { to } });
    }
    const was = await this.#newest();
    if (!samePlace(was, ifWas)) return { kind: 'conflict', is: pointerOf(was) };
    const move = nextRecord(this.#ports.randomness, was, to);
    const written = await this.#write(once(encodePointer(move)));
    const path = this.#pointerPath(move.number);
    const linked = await this.#orDiscard(written, async () => this.#disk.link(written, path));
    await this.#disk.remove(written);
    const now = await this.#newest();
    switch (linked === 'taken' ? 'not moved' : fateOf(move, now)) {
      case 'moved':
        await this.#removePointers(move.number - 1);
        return { kind: 'moved', pointer: { to, number: move.number, token: move.token } };
      case 'not moved':
        // Linked all the same: its number had been used and removed while this process slept. Nobody ever saw it.
        if (linked === 'linked') await this.#disk.remove(path);
        return { kind: 'conflict', is: pointerOf(now) };
      case 'unknown':
        throw new LockstepError('unknown', 'the pointer was moved so often meanwhile that this move is forgotten', {
          values: { directory: this.#directory, number: move.number, newest: now?.number ?? 0 },
        });
    }
  }

  /** The pointer as it is, and durable as it is: nobody sees a move that a loss of power could take back. */
  async #newest(): Promise<PointerRecord | null> {
    for (let look = 0; look < looksMax; look++) {
      const number = this.#numbers().at(-1);
      if (number === undefined) return null;
      const path = this.#pointerPath(number);
      const file = this.#disk.open(path, 'read');
      if (file === null) continue; // moved on meanwhile
      const bytes = new Uint8Array(file.size());
      try {
        await file.load(bytes, 0);
      } finally {
        file.close();
      }
      await this.#disk.syncDirectory(this.#pointers);
      // A list that was made while names changed may lack some: two that agree, with the last two numbers kept, do not.
      if (this.#numbers().at(-1) === number) return decodePointer(bytes, path);
    }
    throw new LockstepError('overloaded', 'the pointer moves faster than it can be read', {
      values: { directory: this.#directory },
    });
  }

  #numbers(): readonly number[] {
    const names = (this.#disk.list(this.#pointers) ?? []).map(({ name }) => name);
    return names.filter((name) => /^\d{16}$/.test(name)).map(Number);
  }

  /** Oldest first, so that what is left is always a row without a gap. */
  async #removePointers(before: number): Promise<void> {
    for (const number of this.#numbers()) if (number < before) await this.#disk.remove(this.#pointerPath(number));
  }

  /** Writes a file aside and syncs it: its path. */
  async #write(content: Content): Promise<string> {
    const path = `${this.#incoming}/${this.#ports.clock.wall()}-${randomToken(this.#ports.randomness)}`;
    const file = this.#disk.open(path, 'create');
    if (file === null) throw new LockstepError('in-use', 'a name drawn at random is taken', { values: { path } });
    return this.#orDiscard(path, async () => {
      try {
        let at = 0;
        for await (const piece of content) {
          file.write(piece, at);
          at += piece.length;
        }
        await file.sync();
      } finally {
        file.close();
      }
      return path;
    });
  }

  /** What was written aside does not stay there when the work fails: on a full disk it would be in the way. */
  async #orDiscard<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      await this.#disk.remove(path).catch((error: unknown) => {
        throw new LockstepError('disk-failed', `neither written nor removed: ${String(error)}`, {
          cause,
          values: { path },
        });
      });
      throw cause;
    }
  }

  async #removeLeftovers(): Promise<void> {
    const before = this.#ports.clock.wall() - leftoverMs;
    for (const { name } of this.#disk.list(this.#incoming) ?? []) {
      const writtenAt = Number(/^(\d+)-[0-9a-f]{32}$/.exec(name)?.[1] ?? Infinity);
      if (writtenAt < before) await this.#disk.remove(`${this.#incoming}/${name}`);
    }
  }

  #file(name: FileName): string {
    return `${this.#files}/${fileName(name)}`;
  }

  #pointerPath(number: number): string {
    return `${this.#pointers}/${String(number).padStart(16, '0')}`;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

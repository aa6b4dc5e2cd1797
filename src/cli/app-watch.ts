/** Tells when a file that an app is made of has other contents than when it was imported. */
import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { codeOf } from '../os/system-code.ts';

/** An editor writes a file in several steps. */
const settleMs = 30;

export class AppWatch {
  /** By path, with the contents that it was last seen with; null: it could not be read. */
  readonly #files = new Map<string, string | null>();
  /** Of directories, as editors put a new file in the place of the old one. */
  readonly #watchers = new Map<string, FSWatcher>();
  #changed = Promise.withResolvers<string | null>();
  #settling: NodeJS.Timeout | null = null;

  /** From now on its changes are told. */
  add(file: string): void {
    if (this.#files.has(file)) return;
    this.#files.set(file, contentsOf(file));
    const directory = dirname(file);
    if (this.#watchers.has(directory)) return;
    const watcher = watch(directory, (_event, name) => {
      if (name === null || this.#files.has(join(directory, name))) this.#look();
    });
    watcher.on('error', () => watcher.close()); // the directory is gone
    this.#watchers.set(directory, watcher);
  }

  /** The next file that changes, as a user would name it; null: it was closed. */
  changed(): Promise<string | null> {
    return this.#changed.promise;
  }

  close(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#changed.resolve(null);
  }

  #look(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = null;
      const file = this.#firstChanged();
      if (file === null) return;
      const { resolve } = this.#changed;
      this.#changed = Promise.withResolvers();
      resolve(relative('', file));
    }, settleMs);
  }

  /** A file that is away for a moment has not changed yet. */
  #firstChanged(): string | null {
    let first: string | null = null;
    for (const [file, before] of this.#files) {
      const now = contentsOf(file);
      if (now === null || now === before) continue;
      this.#files.set(file, now);
      first ??= file;
    }
    return first;
  }
}

function contentsOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

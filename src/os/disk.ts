/**
 * The real disk: a directory of this machine, by the system's own calls and nothing in between.
 *
 * What durable means depends on the machine. Linux: fdatasync and fsync, which flush the drive's cache on all file
 * systems in common use. macOS: Node makes them F_FULLFSYNC. Windows: files are flushed, a directory cannot be, so
 * `syncDirectory` does nothing there and NTFS' journal decides when a name is durable. Network file systems promise
 * what their server promises. Symbolic links that somebody put into the tree are followed.
 */
import {
  closeSync,
  fstatSync,
  fsync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdir,
  statSync,
  unlink,
  unlinkSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Disk, DiskEntry } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import { diskError } from './disk-errors.ts';
import { HostFile } from './disk-file.ts';
import { directoryBelow, pathBelow } from './disk-path.ts';
import { codeOf, hasFailed } from './system-code.ts';

const flags = { read: 'r', write: 'r+', create: 'wx+' } as const;

export class HostDisk implements Disk {
  readonly #given: string;
  #root: string | null = null;
  readonly #files: Set<HostFile> = new Set();
  #open = true;

  /** `root` is looked up at the first use: relative to the current directory of that moment. */
  constructor(root: string) {
    this.#given = root;
  }

  /** Where the tree lies, as an absolute path. */
  get root(): string {
    this.#root ??= resolve(this.#given);
    return this.#root;
  }

  open(path: string, mode: 'read' | 'write' | 'create'): HostFile | null {
    const full = this.#below(path);
    let fd: number;
    try {
      fd = openSync(full, flags[mode]);
    } catch (error) {
      if (mode === 'create' && codeOf(error) === 'EEXIST') return null;
      if (mode !== 'create' && codeOf(error) === 'ENOENT' && isDirectory(dirname(full))) return null;
      throw diskError(error, 'open', path);
    }
    if (mode === 'read') refuseDirectory(fd, path);
    const file: HostFile = new HostFile(path, fd, mode !== 'read', () => this.#files.delete(file));
    this.#files.add(file);
    return file;
  }

  list(directory: string): readonly DiskEntry[] | null {
    const full = this.#directory(directory);
    try {
      const names = readdirSync(full).sort((one, other) => (one < other ? -1 : 1));
      return names.map((name) => entryAt(`${full}/${name}`, name)).filter((entry) => entry !== null);
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
      throw diskError(error, 'readdir', directory);
    }
  }

  stat(path: string): DiskEntry | null {
    const full = this.#directory(path);
    try {
      return entryAt(full, path.slice(path.lastIndexOf('/') + 1));
    } catch (error) {
      throw diskError(error, 'stat', path);
    }
  }

  makeDirectory(directory: string): 'made' | 'existed' {
    const full = this.#directory(directory);
    try {
      return mkdirSync(full, { recursive: true }) === undefined ? 'existed' : 'made';
    } catch (error) {
      throw diskError(error, 'mkdir', directory);
    }
  }

  rename(from: string, to: string): void {
    const [source, target] = [this.#below(from), this.#below(to)];
    if (isDirectory(source)) {
      const cause = Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
      throw diskError(cause, 'rename', from);
    }
    try {
      // Of two names for one file POSIX' rename does nothing, and both stay: then removing the one is the renaming.
      if (source !== target && isSameFile(source, target)) unlinkSync(source);
      else renameSync(source, target);
    } catch (error) {
      throw diskError(error, 'rename', from);
    }
  }

  link(existing: string, name: string): 'linked' | 'taken' {
    const [source, target] = [this.#below(existing), this.#below(name)];
    try {
      linkSync(source, target);
      return 'linked';
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'taken';
      throw diskError(error, 'link', existing);
    }
  }

  async remove(path: string): Promise<'removed' | 'absent'> {
    const full = this.#below(path);
    try {
      const found = lstatSync(full, { throwIfNoEntry: false });
      if (found === undefined) return 'absent';
      await new Promise<void>((resolve, reject) => {
        const onDone = (error: NodeJS.ErrnoException | null): void => (hasFailed(error) ? reject(error) : resolve());
        if (found.isDirectory()) rmdir(full, onDone);
        else unlink(full, onDone);
      });
      return 'removed';
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 'absent';
      throw diskError(error, 'remove', path);
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    const full = this.#directory(directory);
    try {
      await syncDirectoryAt(full);
    } catch (error) {
      throw diskError(error, 'fsync', directory);
    }
  }

  /** Closes what is open; every later call is `stopped`. */
  close(): void {
    this.#open = false;
    for (const file of this.#files) file.close();
  }

  #below(path: string): string {
    this.#checkOpen();
    return pathBelow(this.root, path);
  }

  #directory(directory: string): string {
    this.#checkOpen();
    return directoryBelow(this.root, directory);
  }

  #checkOpen(): void {
    if (!this.#open) throw new LockstepError('stopped', 'the disk was closed', { values: { root: this.root } });
  }
}

/** Makes the names in a directory durable; see the head of this file for Windows. */
export async function syncDirectoryAt(full: string): Promise<void> {
  const fd = process.platform === 'win32' ? null : openSync(full, 'r');
  if (fd === null) {
    statSync(full); // a missing directory is refused there too
    return;
  }
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(fd, (error) => (hasFailed(error) ? reject(error) : resolve()));
    });
  } finally {
    closeSync(fd);
  }
}

/** Null if there is nothing, or nothing of ours: a socket, a device. */
function entryAt(full: string, name: string): DiskEntry | null {
  const found = statSync(full, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (found.isDirectory()) return { name, kind: 'directory', size: 0 };
  return found.isFile() ? { name, kind: 'file', size: found.size } : null;
}

function isDirectory(full: string): boolean {
  return statSync(full, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isSameFile(one: string, other: string): boolean {
  const [first, second] = [lstatSync(one, { bigint: true }), lstatSync(other, { bigint: true, throwIfNoEntry: false })];
  return second !== undefined && first.dev === second.dev && first.ino === second.ino;
}

/** Linux and macOS open a directory to read; a file is what was asked for. */
function refuseDirectory(fd: number, path: string): void {
  if (!fstatSync(fd).isDirectory()) return;
  closeSync(fd);
  const cause = Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
  throw diskError(cause, 'open', path);
}

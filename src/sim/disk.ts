import type { Disk, DiskEntry, DiskFile } from '../env/disk.ts';
import { checkPath } from '../env/path.ts';
import { LockstepError } from '../kernel/errors.ts';
import { Inode } from './inode.ts';
import type { Process } from './machine.ts';
import { parentOf, type Entry, type Volume } from './volume.ts';

/** A process' view of its machine's disk. What a call costs is drawn from the weather; what it does is in `volume.ts`. */
export class SimDisk implements Disk {
  readonly #process: Process;
  readonly #volume: Volume;

  constructor(process: Process) {
    this.#process = process;
    this.#volume = process.machine.volume;
  }

  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile | null {
    this.#process.check();
    checkPath(path, 'below the root');
    this.#parent(path);
    const entry = this.#volume.entry(path);
    if (mode === 'create') {
      if (entry !== undefined) return null;
      return this.#effect('create', path, () => {
        if (this.#volume.fullAt === 'write') throw fullError(path, 0);
        const created = new Inode();
        this.#volume.set(path, created);
        return new SimFile(this.#process, path, created, true);
      });
    }
    if (entry === undefined) return null;
    if (entry === 'directory') throw refused('a directory is not opened as a file', path);
    return new SimFile(this.#process, path, entry, mode === 'write');
  }

  list(directory: string): readonly DiskEntry[] | null {
    this.#process.check();
    checkPath(directory, 'root too');
    if (this.#volume.entry(directory) !== 'directory') return null;
    return this.#volume.children(directory).map(([name, entry]) => describe(name, entry));
  }

  stat(path: string): DiskEntry | null {
    this.#process.check();
    checkPath(path, 'root too');
    const entry = this.#volume.entry(path);
    return entry === undefined ? null : describe(path.slice(path.lastIndexOf('/') + 1), entry);
  }

  makeDirectory(directory: string): 'made' | 'existed' {
    this.#process.check();
    checkPath(directory, 'root too');
    const missing: string[] = [];
    for (let path = directory; path !== ''; path = parentOf(path)) {
      const entry = this.#volume.entry(path);
      if (entry === 'directory') break;
      if (entry !== undefined) throw refused('a file is in the way of a directory', path);
      missing.push(path);
    }
    if (missing.length === 0) return 'existed';
    return this.#effect('make directory', directory, () => {
      if (this.#volume.fullAt === 'write') throw fullError(directory, 0);
      for (const path of missing.reverse()) this.#volume.set(path, 'directory');
      return 'made' as const;
    });
  }

  rename(from: string, to: string): void {
    this.#process.check();
    checkPath(from, 'below the root');
    checkPath(to, 'below the root');
    this.#parent(to);
    const entry = this.#volume.entry(from);
    if (entry === undefined) throw refused('there is nothing to rename', from);
    if (entry === 'directory') throw refused('directories are not renamed', from);
    if (this.#volume.entry(to) === 'directory') throw refused('a directory has that name', to);
    if (from === to) return;
    this.#effect('rename', `${from} to ${to}`, () => this.#volume.rename(from, to, entry));
  }

  link(existing: string, name: string): 'linked' | 'taken' {
    this.#process.check();
    checkPath(existing, 'below the root');
    checkPath(name, 'below the root');
    this.#parent(name);
    const entry = this.#volume.entry(existing);
    if (entry === undefined || entry === 'directory') throw refused('there is no such file to link', existing);
    if (this.#volume.entry(name) !== undefined) return 'taken';
    return this.#effect('link', name, () => {
      this.#volume.set(name, entry);
      return 'linked' as const;
    });
  }

  async remove(path: string): Promise<'removed' | 'absent'> {
    checkPath(path, 'below the root');
    return this.#later(`remove ${path}`, this.#process.machine.weather.nameMs, () => {
      const entry = this.#volume.entry(path);
      if (entry === undefined) return 'absent';
      if (entry === 'directory' && this.#volume.children(path).length > 0) {
        throw refused('a directory that is not empty stays', path);
      }
      this.#record(`remove ${path}`);
      this.#volume.remove(path);
      return 'removed';
    });
  }

  async syncDirectory(directory: string): Promise<void> {
    checkPath(directory, 'root too');
    const upTo = this.#volume.newest;
    const { syncMs } = this.#process.machine.weather;
    return this.#later(`sync of directory ${directory || '/'}`, syncMs, () => {
      if (this.#volume.entry(directory) !== 'directory') throw refused('there is no such directory', directory);
      if (this.#volume.nextSyncFails()) {
        this.#process.machine.timeline.record('fault', this.#process.machine.name, `sync of ${directory || '/'} fails`);
        throw failedSync(directory);
      }
      this.#record(`sync ${directory || '/'}`);
      this.#volume.syncNames(directory, upTo);
    });
  }

  #parent(path: string): void {
    if (this.#volume.entry(parentOf(path)) !== 'directory') throw refused('its directory is missing', path);
  }

  #effect<T>(what: string, path: string, apply: () => T): T {
    return this.#process.effect(() => {
      this.#record(`${what} ${path}`);
      return apply();
    });
  }

  #later<T>(what: string, rangeMs: readonly [number, number], apply: () => T): Promise<T> {
    return this.#process.later(what, this.#volume.random.between(...rangeMs) * this.#volume.slowness, apply);
  }

  #record(text: string): void {
    const { timeline, name } = this.#process.machine;
    timeline.record('disk', name, text);
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #process: Process;
  readonly #volume: Volume;
  readonly #inode: Inode;
  readonly #writable: boolean;
  #closed = false;

  constructor(process: Process, path: string, inode: Inode, writable: boolean) {
    this.#process = process;
    this.#volume = process.machine.volume;
    this.path = path;
    this.#inode = inode;
    this.#writable = writable;
  }

  read(into: Uint8Array, position: number): number {
    this.#check(position);
    return this.#inode.read(into, position);
  }

  async load(into: Uint8Array, position: number): Promise<number> {
    this.#checkOpen(position);
    const { random, slowness } = this.#volume;
    const delayMs = random.between(...this.#process.machine.weather.readMs) * slowness;
    return this.#process.later(`load of ${this.path}`, delayMs, () => this.#inode.read(into, position));
  }

  write(bytes: Uint8Array, position: number): void {
    this.#check(position);
    this.#checkWritable();
    this.#process.effect(() => {
      const { timeline, name } = this.#process.machine;
      timeline.fingerprint.bytes(bytes);
      timeline.record('disk', name, `write ${this.path} ${position}+${bytes.length}`);
      if (this.#volume.fullAt === 'write' && position + bytes.length > this.#inode.size) {
        const fits = Math.max(0, this.#inode.size - position);
        const kept = fits + this.#volume.random.below(bytes.length - fits + 1);
        if (kept > 0 && kept < bytes.length) this.#inode.write(bytes.subarray(0, kept), position);
        throw fullError(this.path, position);
      }
      this.#inode.write(bytes, position);
    });
  }

  truncate(size: number): void {
    this.#check(size);
    this.#checkWritable();
    this.#process.effect(() => {
      if (this.#volume.fullAt === 'write' && size > this.#inode.size) throw fullError(this.path, size);
      this.#process.machine.timeline.record('disk', this.#process.machine.name, `truncate ${this.path} to ${size}`);
      this.#inode.truncate(size);
    });
  }

  size(): number {
    this.#check(0);
    return this.#inode.size;
  }

  async sync(): Promise<void> {
    this.#checkOpen(0);
    const { machine } = this.#process;
    const upTo = this.#inode.newest;
    const delayMs = this.#volume.random.between(...machine.weather.syncMs) * this.#volume.slowness;
    return this.#process.later(`sync of ${this.path}`, delayMs, () => {
      const full = this.#volume.fullAt !== null && this.#inode.growsUpTo(upTo);
      if (full || this.#volume.nextSyncFails()) {
        machine.timeline.record('fault', machine.name, `sync of ${this.path} fails${full ? ': disk full' : ''}`);
        this.#inode.loseUpTo(upTo, this.#volume.random);
        throw full ? fullError(this.path, this.#inode.size) : failedSync(this.path);
      }
      machine.timeline.record('disk', machine.name, `sync ${this.path}`);
      this.#inode.syncUpTo(upTo);
    });
  }

  close(): void {
    this.#process.check();
    this.#closed = true;
  }

  #check(position: number): void {
    this.#process.check();
    this.#checkOpen(position);
  }

  #checkOpen(position: number): void {
    if (this.#closed) throw new LockstepError('misuse', 'this file is closed', { values: { path: this.path } });
    if (Number.isSafeInteger(position) && position >= 0) return;
    throw new LockstepError('misuse', 'a position is a whole number of bytes', {
      values: { path: this.path, position },
    });
  }

  #checkWritable(): void {
    if (this.#writable) return;
    throw new LockstepError('misuse', "this file is open for reading: open it with 'write'", {
      values: { path: this.path },
    });
  }
}

const describe = (name: string, entry: Entry): DiskEntry =>
  entry === 'directory' ? { name, kind: 'directory', size: 0 } : { name, kind: 'file', size: entry.size };

const refused = (what: string, path: string): LockstepError =>
  new LockstepError('disk-failed', what, { values: { path } });

const failedSync = (path: string): LockstepError =>
  new LockstepError('disk-failed', 'the disk failed to sync; what was written since the last sync may be lost', {
    values: { path },
    advice: ['close the file; it must not be synced again as if nothing had happened'],
  });

const fullError = (path: string, offset: number): LockstepError =>
  new LockstepError('disk-full', 'no space is left on the disk', { values: { path, offset } });

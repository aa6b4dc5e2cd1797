/**
 * An open file of the real disk. Reads and writes are the system's own calls, at once, on this thread; `sync` and
 * `load` run on Node's thread pool (4 threads unless UV_THREADPOOL_SIZE says more).
 *
 * One sync at a time. The kernel tells an error of writing back to one fdatasync of an open file and to no later one,
 * so of two under way together the other would report success for lost bytes. Whoever asks while one runs shares the
 * next one; and after a failure every later sync of this handle fails with it.
 */
import { closeSync, fdatasync, fstatSync, ftruncateSync, read, readSync, writeSync } from 'node:fs';
import type { DiskFile } from '../env/disk.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { diskError } from './disk-errors.ts';
import { codeOf, hasFailed } from './system-code.ts';

/** One call moves at most this much; Node takes no more than 2^31 - 1 bytes. */
const callBytesMax = 1024 * 1024 * 1024;
/** How often in a row a call may be interrupted by signals, or take nothing, before that counts as a failure. */
const vainCallsMax = 100;

export class HostFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;
  readonly #writable: boolean;
  readonly #onClose: () => void;
  #open = true;
  /** Calls on other threads that use the descriptor: it is closed after the last, or it could come to mean another file. */
  #underWayCount = 0;
  #syncNow: Promise<void> | null = null;
  #syncNext: Promise<void> | null = null;
  #syncFailure: LockstepError | null = null;

  constructor(path: string, fd: number, writable: boolean, onClose: () => void) {
    this.path = path;
    this.#fd = fd;
    this.#writable = writable;
    this.#onClose = onClose;
  }

  read(into: Uint8Array, position: number): number {
    this.#check(position);
    return this.#transfer('read', into.length, position, (at, length) =>
      readSync(this.#fd, into, at, length, position + at),
    );
  }

  async load(into: Uint8Array, position: number): Promise<number> {
    this.#check(position);
    this.#underWayCount++;
    try {
      let [done, vainCount] = [0, 0];
      while (done < into.length) {
        const count = await this.#loadOnce(into, done, position + done, vainCount++);
        if (count === 0) break;
        if (count > 0) [done, vainCount] = [done + count, 0];
      }
      return done;
    } finally {
      this.#leave();
    }
  }

  write(bytes: Uint8Array, position: number): void {
    this.#check(position);
    this.#checkWritable();
    const written = this.#transfer('write', bytes.length, position, (at, length) =>
      writeSync(this.#fd, bytes, at, length, position + at),
    );
    if (written < bytes.length) throw diskError(null, 'write', this.path, position + written);
  }

  truncate(size: number): void {
    this.#check(size);
    this.#checkWritable();
    try {
      ftruncateSync(this.#fd, size);
    } catch (error) {
      throw diskError(error, 'truncate', this.path, size);
    }
  }

  size(): number {
    this.#check(0);
    try {
      return fstatSync(this.#fd).size;
    } catch (error) {
      throw diskError(error, 'stat', this.path);
    }
  }

  async sync(): Promise<void> {
    this.#check(0);
    this.#underWayCount++;
    try {
      await this.#syncCovering();
    } finally {
      this.#leave();
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#onClose();
    if (this.#underWayCount === 0) this.#release();
  }

  /** A sync that begins after this call: one that runs already may have passed by what was written since. */
  #syncCovering(): Promise<void> {
    if (this.#syncNext !== null) return this.#syncNext;
    if (this.#syncNow === null) return this.#beginSync();
    const begin = (): Promise<void> => {
      this.#syncNext = null;
      return this.#beginSync();
    };
    this.#syncNext = this.#syncNow.then(begin, begin);
    return this.#syncNext;
  }

  #beginSync(): Promise<void> {
    if (this.#syncFailure !== null) return Promise.reject(this.#syncFailure);
    assert(this.#syncNow === null, 'one sync of a file runs at a time');
    this.#syncNow = new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        this.#syncNow = null;
        if (!hasFailed(error)) return resolve();
        this.#syncFailure = diskError(error, 'fdatasync', this.path);
        reject(this.#syncFailure);
      });
    });
    return this.#syncNow;
  }

  /** Repeats a call until all is moved or there is no more; signals may interrupt it, and it may move a part only. */
  #transfer(call: string, length: number, position: number, once: (at: number, length: number) => number): number {
    let [done, vainCount] = [0, 0];
    while (done < length) {
      try {
        const count = once(done, Math.min(length - done, callBytesMax));
        if (count === 0) break;
        [done, vainCount] = [done + count, 0];
      } catch (error) {
        if (codeOf(error) !== 'EINTR' || ++vainCount > vainCallsMax) {
          throw diskError(error, call, this.path, position + done);
        }
      }
    }
    return done;
  }

  /** Bytes read; 0 at the end of the file; -1 when a signal interrupted it. */
  #loadOnce(into: Uint8Array, at: number, position: number, vainCount: number): Promise<number> {
    const length = Math.min(into.length - at, callBytesMax);
    return new Promise((resolve, reject) => {
      read(this.#fd, into, at, length, position, (error, count) => {
        if (!hasFailed(error)) resolve(count);
        else if (error.code === 'EINTR' && vainCount < vainCallsMax) resolve(-1);
        else reject(diskError(error, 'read', this.path, position));
      });
    });
  }

  #check(position: number): void {
    if (!this.#open) throw new LockstepError('misuse', 'the file was closed', { values: { path: this.path } });
    if (Number.isSafeInteger(position) && position >= 0) return;
    throw new LockstepError('misuse', 'a position in a file is a whole number of at least 0', {
      values: { path: this.path, position },
    });
  }

  #checkWritable(): void {
    if (this.#writable) return;
    throw new LockstepError('misuse', 'the file was opened to read', { values: { path: this.path } });
  }

  #leave(): void {
    this.#underWayCount--;
    if (!this.#open && this.#underWayCount === 0) this.#release();
  }

  #release(): void {
    try {
      closeSync(this.#fd);
    } catch (error) {
      // The descriptor is free whatever the call says, and only a sync promises anything; but this would be our bug:
      assert(codeOf(error) !== 'EBADF', 'a descriptor is closed once');
    }
  }
}

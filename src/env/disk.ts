/**
 * One directory tree, and the one rule of this port: **what touches the memory of the operating system alone is
 * synchronous, what waits for the disk is a promise.** Writes, reads of what is cached, names: at once. `sync`,
 * `syncDirectory`, `load`, `remove` (freeing blocks takes time): later, without blocking the thread.
 *
 * Nothing is durable before it is synced, and that in two halves: a file's bytes and length by `File.sync`, a file's
 * *name* (created, renamed, linked, removed) by `syncDirectory` of the directory that holds it.
 *
 * Paths are relative to the tree: names with single `/` between them. Absolute ones, `.`, `..`, empty names,
 * backslashes, NUL and lone surrogates are `misuse`; `''` is the root, where a directory is meant.
 * Failures throw `LockstepError`: `disk-full`, `disk-failed` (all other refusals), with `path`, and `offset` where
 * there is one, in its values and the cause chained. What callers ask *about* (is it there?) is an answer, not a failure.
 */
export interface Disk {
  /**
   * - `read`, `write`: a file that exists; null if there is none. `write` reads too; changing what is open to `read`
   *   is `misuse`.
   * - `create`: a new, empty file; null if the name is taken. Of two who create one name, one gets null.
   *
   * A missing directory on the way is `disk-failed`.
   */
  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile | null;
  /** What the directory holds, sorted by name; null if there is no such directory. `''` is the root. */
  list(directory: string): readonly DiskEntry[] | null;
  /** What is at the path; null if nothing is. Cheap: asked after every group commit. */
  stat(path: string): DiskEntry | null;
  /** Creates the directory and those above it; `existed` when it was there. */
  makeDirectory(directory: string): 'made' | 'existed';
  /** Atomically gives the file a new name in the same or another directory, in place of whatever file has it. Directories stay: `disk-failed`. */
  rename(from: string, to: string): void;
  /** A second name for one immutable file (hard link). */
  link(existing: string, name: string): 'linked' | 'taken';
  /** Removes a file or an empty directory; `absent` when there is none. Whoever has the file open keeps it. */
  remove(path: string): Promise<'removed' | 'absent'>;
  /** Makes the names in this directory (not below it) durable as they are when called. */
  syncDirectory(directory: string): Promise<void>;
}

export interface DiskEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** In bytes; 0 for a directory. */
  readonly size: number;
}

/** An open file. Positions and sizes are in bytes from its start. */
export interface DiskFile {
  readonly path: string;
  /** Fills `into` from `position` on; how many bytes there were, less than asked only at the end of the file. Blocks if it is not cached. */
  read(into: Uint8Array, position: number): number;
  /** As `read`, off this thread: for what may be cold. `into` must not be used until it resolves. */
  load(into: Uint8Array, position: number): Promise<number>;
  /** All of `bytes`, or it throws and any part of them may have been written. Past the end the gap reads as zeros. Takes a copy. */
  write(bytes: Uint8Array, position: number): void;
  /** Shorter: cut; longer: filled with zeros. */
  truncate(size: number): void;
  size(): number;
  /**
   * Makes the file's bytes and size durable, as they are when called. When it rejects, what was written since the
   * last success may be lost though it still reads back, and a later success does not bring it back: close the file.
   */
  sync(): Promise<void>;
  /** Says nothing about durability. Calls after it are `misuse`; a second close is harmless. */
  close(): void;
}

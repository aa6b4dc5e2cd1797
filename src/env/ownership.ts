/**
 * What a process may know of others that use its directory: whether one that was there still runs, and what the
 * directory lies on. For manners, never for safety: what is exclusive is fenced by the log (docs/decisions/0004).
 * Paths are those of the disk port.
 */
export interface Ownership {
  /** This process, as people know it: a number that another may have later, and its machine or container. */
  readonly self: ProcessName;
  /**
   * Shows at `path` that this process runs: until `end`, or until the process ends in whatever way. One that is stopped
   * (SIGSTOP) still runs. A path is used once; its directory is there.
   * @throws LockstepError `in-use` when something has the path; `disk-failed`, `disk-full`.
   */
  show(path: string): Promise<Beacon>;
  /**
   * Whether who showed itself at `path` still runs. `unknown`: the system does not say, as of a process that showed
   * itself by its number alone while some process has that number.
   */
  look(path: string, shown: ProcessName & Pick<Beacon, 'proof'>): Promise<'runs' | 'ended' | 'unknown'>;
  /** What the directory lies on. @throws LockstepError `disk-failed` when there is no such directory. */
  fileSystemOf(directory: string): FileSystem;
}

export interface ProcessName {
  readonly pid: number;
  readonly host: string;
}

export interface Beacon {
  /** `socket`: the system itself ends it with the process. `pid`: there is nothing but the number; see `look`. */
  readonly proof: 'socket' | 'pid';
  /** Not shown any more. A second end is harmless. */
  end(): Promise<void>;
}

export interface FileSystem {
  /**
   * `network`: several machines may have it, and it does not promise what logs in files need. `unproven`: a program
   * stands between, and what it promises is its own. `unknown`: the system does not say.
   */
  readonly kind: 'local' | 'network' | 'unproven' | 'unknown';
  /** As people call it, such as `nfs`; otherwise the system's number. */
  readonly name: string;
}

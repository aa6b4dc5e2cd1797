/**
 * Whose directory it is, for manners: safety never rests on it (claims do, see `file-claims.ts`). It is there so that a
 * second start is told who is there instead of silently taking the logs away. What ended with `kill -9` is in nobody's
 * way; what runs, stopped or not, is in the way of everybody who does not say that it takes over. Of several that start
 * in one moment one has the directory. Why it is done so: docs/decisions/0004-owner-of-a-directory.md.
 */
import type { Env } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs } from '../kernel/time.ts';
import type { WaitEntry } from '../observe/waits.ts';
import { newLogId } from './chain.ts';
import { guardedFileEngine, type FileEngineOptions } from './file.ts';
import type { FilePorts } from './file-core.ts';
import { beaconPath, OwnerRecords, type Owner } from './file-owner-records.ts';
import type { LogEngine } from './port.ts';
import { pause } from './within.ts';

export interface OwnedFileEngineOptions extends FileEngineOptions {
  /** How long to wait for the directory while another process has it, in milliseconds. Default 0: it refuses at once. */
  readonly withinMs?: number | undefined;
  /** Ends the wait, which rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Takes the directory whoever has it, stopped or alive. That one acknowledges nothing more in any log that is opened
   * here, and opens and claims none any more. `unproven`: only from whom the system cannot tell whether it runs, and `never`,
   * which says so in what it advises. Default false.
   */
  readonly takeOver?: boolean | 'unproven' | 'never' | undefined;
  /** Goes on where the file system is of a kind that logs in files are not made for; what they promise is then not promised. Default false. */
  readonly anyFileSystem?: boolean | undefined;
  /** How errors and waits call the directory. Default: its path on the env's disk. */
  readonly calledDirectory?: string | undefined;
}

/** What opening needs of a world. */
export type OwnedFilePorts = FilePorts & Pick<Env, 'ownership'>;

/** How often somebody who waits for the directory looks again. */
const lookEveryMs = 100;

/**
 * Logs in a directory that this process has for itself from here on, until `close` or its end.
 * @throws LockstepError `in-use` when another process has it, now or still at the deadline; values `directory`, `pid`,
 * `host`, `since`. `invalid` for a file system that is not supported. `disk-failed`, `disk-full`.
 */
export async function openFileEngine(
  env: OwnedFilePorts,
  directory: string,
  options: OwnedFileEngineOptions = {},
): Promise<LogEngine> {
  env.disk.makeDirectory(directory);
  const called = options.calledDirectory ?? directory;
  if (options.anyFileSystem !== true) checkFileSystem(env, directory, called);
  const place = await Place.take(env, directory, called, options);
  const engine = guardedFileEngine(env, directory, options, () => place.check());
  return {
    name: engine.name,
    guarantees: engine.guarantees,
    open: async (name, how) => {
      place.check();
      return engine.open(name, how);
    },
    list: () => engine.list(),
    remove: async (name) => {
      place.check();
      return engine.remove(name);
    },
    close: async () => {
      try {
        await engine.close();
      } finally {
        await place.leave();
      }
    },
  };
}

/** What taking a directory may be told. */
export interface TakeOptions extends Pick<OwnedFileEngineOptions, 'withinMs' | 'signal' | 'waits' | 'anyFileSystem'> {
  /**
   * As for logs; or, where nothing fences whoever is passed by, `unproven`: only from whom the system cannot tell whether
   * it runs, and `never`.
   */
  readonly takeOver?: boolean | 'unproven' | 'never' | undefined;
}

/** For rooms that keep files: the same for a directory of theirs, which is there. `called` is its name in errors and waits. */
export function takeDirectory(
  env: OwnedFilePorts,
  directory: string,
  called: string,
  options: TakeOptions,
): Promise<DirectoryPlace> {
  if (options.anyFileSystem !== true) checkFileSystem(env, directory, called);
  return Place.take(env, directory, called, options);
}

/** A directory that this process has. */
export interface DirectoryPlace {
  /** Gives it up. A second call is harmless. */
  leave(): Promise<void>;
}

/** The directory, while this process has it. */
class Place implements DirectoryPlace {
  readonly #records: OwnerRecords;
  readonly #directory: string;
  readonly #number: number;
  readonly #end: () => Promise<void>;
  readonly #token: string;
  #left = false;

  private constructor(
    records: OwnerRecords,
    directory: string,
    number: number,
    token: string,
    end: () => Promise<void>,
  ) {
    this.#records = records;
    this.#directory = directory;
    this.#number = number;
    this.#token = token;
    this.#end = end;
  }

  static async take(env: OwnedFilePorts, directory: string, called: string, options: TakeOptions): Promise<Place> {
    const { disk, clock, randomness, ownership } = env;
    const records = new OwnerRecords(disk, directory);
    const token = newLogId(randomness);
    // Shown before it is named: who is named and not shown has ended.
    const beacon = await ownership.show(beaconPath(directory, token));
    try {
      const since = new Date(clock.wall()).toISOString();
      const owner: Owner = { ...ownership.self, since, token, proof: beacon.proof };
      const places = { directory, called, records, put: (next: number) => records.put(next, owner, token) };
      const number = await vacancy(env, places, options);
      return new Place(records, called, number, token, () => beacon.end());
    } catch (error) {
      await beacon.end();
      throw error;
    }
  }

  /** @throws LockstepError `in-use` once another has taken over. */
  check(): void {
    if (this.#left) return;
    const { number, owner } = this.#records.newest();
    if (number === this.#number) return;
    if (number === 0)
      throw new LockstepError('disk-failed', 'this directory was removed, with all that was in it', {
        values: { directory: this.#directory },
      });
    throw new LockstepError('in-use', 'another process has taken this directory over', {
      values: { directory: this.#directory, ...nameOf(owner) },
      advice: ['Ask that process; this one has nothing more to do with these logs.'],
    });
  }

  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    try {
      // Whoever took over since has its own number in place.
      if (this.#records.newest().number === this.#number) await this.#records.put(this.#number + 1, null, this.#token);
    } finally {
      await this.#end(); // who is named and not shown has ended too: on a full disk that alone says so
    }
  }
}

interface Places {
  readonly directory: string;
  readonly called: string;
  readonly records: OwnerRecords;
  readonly put: (number: number) => Promise<boolean>;
}

/** Puts the next number as soon as nobody is in the way, and gives it. */
async function vacancy(
  { clock, timers, ownership }: OwnedFilePorts,
  { directory, called, records, put }: Places,
  { withinMs = 0, signal, takeOver = false, waits }: TakeOptions,
): Promise<number> {
  const from = clock.now();
  let wait: WaitEntry | null = null;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { number, owner } = records.newest();
      const path = owner === null ? null : beaconPath(directory, owner.token);
      const isFree = owner === null || path === null || takeOver === true;
      const state = isFree ? 'ended' : await ownership.look(path, owner);
      if (owner === null || state === 'ended' || (state === 'unknown' && takeOver === 'unproven')) {
        if (await put(number + 1)) return number + 1;
        continue; // somebody was faster
      }
      const leftMs = withinMs - elapsedMs(from, clock.now());
      if (leftMs <= 0) throw inUse(called, owner, state, takeOver);
      const heldBy = `process ${owner.pid} on ${owner.host}`;
      wait ??=
        waits?.enter({ what: 'directory', key: called, waitsFor: 'its owner to leave', heldBy, withinMs }) ?? null;
      if (wait !== null) wait.heldBy = heldBy;
      await pause(timers, Math.min(lookEveryMs, leftMs), [signal]);
    }
  } finally {
    wait?.leave();
  }
}

function checkFileSystem({ ownership }: OwnedFilePorts, directory: string, called: string): void {
  const { kind, name } = ownership.fileSystemOf(directory);
  if (kind === 'local' || kind === 'unknown') return;
  const why = {
    network:
      'logs and trees in files are not supported on a network file system: it does not promise that one of two who create a name fails, nor that others see the name at once',
    unproven:
      'logs and trees in files are unproven on this file system: what it promises is decided by a program behind it',
  }[kind];
  throw new LockstepError('invalid', why, {
    values: { directory: called, fileSystem: name, kind },
    advice: [
      'Put the directory on a disk of this machine.',
      'Go on all the same, without the guarantees: anyFileSystem: true',
    ],
  });
}

const nameOf = (owner: Owner | null): Pick<Owner, 'pid' | 'host' | 'since'> | { readonly pid: null } =>
  owner === null ? { pid: null } : { pid: owner.pid, host: owner.host, since: owner.since };

const inUse = (
  directory: string,
  owner: Owner,
  state: 'runs' | 'unknown',
  takeOver: TakeOptions['takeOver'],
): LockstepError =>
  new LockstepError(
    'in-use',
    state === 'runs'
      ? 'another process has this directory; nothing was changed'
      : 'another process has this directory, as far as this machine can tell; nothing was changed',
    {
      values: { directory, ...nameOf(owner) },
      advice: [
        'Ask that process, or stop it; or wait for it: withinMs: 10_000',
        ...(takeOver === false ? ['Take its place (it stops leading, and says so): takeOver: true'] : []),
        ...(takeOver === 'never' && state === 'unknown' ? ['If it has certainly ended: takeOver: true'] : []),
      ],
    },
  );

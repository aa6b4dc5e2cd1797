/**
 * Whose directory it is, for manners: a file `owner` names process, host and a random token. Safety never rests on it
 * (claims do, see `file-claims.ts`); it is there so that a second start is told who is there instead of silently taking
 * the logs away.
 *
 * What it does: refuses while the file names another and nobody says that this one is dead. What it does not: notice by
 * itself that a holder died without closing (whoever starts says so through `isAlive`, or takes over), or keep two from
 * starting in the same moment (both then run, and the one that claims a log last has it).
 */
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import { newLogId } from './chain.ts';
import { fileEngine, type FileEngineOptions } from './file.ts';
import type { FilePorts } from './file-core.ts';
import { join } from './file-format.ts';
import type { LogEngine } from './port.ts';

/** Who has a directory. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When it opened, in ISO 8601, by its own clock: to be read by people. */
  readonly since: string;
  /** 16 random bytes in hexadecimal, made at opening. */
  readonly token: string;
}

export interface OwnedFileEngineOptions extends FileEngineOptions {
  readonly pid: number;
  readonly host: string;
  /**
   * Whether that process still runs, as far as this machine can tell; asked when the directory names another owner.
   * Without it every owner that did not close counts as alive.
   */
  readonly isAlive?: ((owner: Owner) => boolean) | undefined;
  /** Takes the directory whoever has it, dead, stopped or alive; a live one acknowledges nothing more. Default false. */
  readonly takeOver?: boolean | undefined;
}

/**
 * Logs in a directory that this process has for itself from here on, until `close`.
 * @throws LockstepError `in-use` when another process has it; values `directory`, `pid`, `host`, `since`. `disk-failed`,
 * `disk-full`.
 */
export async function openFileEngine(
  env: FilePorts,
  directory: string,
  options: OwnedFileEngineOptions,
): Promise<LogEngine> {
  const { disk, clock, randomness } = env;
  disk.makeDirectory(directory);
  const path = join(directory, 'owner');
  const holder = readOwner(disk, path);
  if (holder !== null && options.takeOver !== true && (options.isAlive?.(holder) ?? true))
    throw inUse(directory, holder);
  const token = newLogId(randomness);
  const owner: Owner = {
    pid: options.pid,
    host: options.host,
    since: new Date(clock.wall()).toISOString(),
    token,
  };
  writeOwner(disk, path, owner);
  const engine = fileEngine(env, directory, options);
  return {
    name: engine.name,
    guarantees: engine.guarantees,
    open: (name, how) => engine.open(name, how),
    list: () => engine.list(),
    remove: (name) => engine.remove(name),
    close: async () => {
      await engine.close();
      // Whoever took over since has put its own in place.
      if (readOwner(disk, path)?.token === token) await disk.remove(path);
    },
  };
}

/** Null when nobody is named. Not synced, so after a loss of power it may be torn: then nobody of today has it. */
export function readOwner(disk: Disk, path: string): Owner | null {
  const file = disk.open(path, 'read');
  if (file === null) return null;
  try {
    const bytes = new Uint8Array(Math.min(file.size(), 4_096));
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, file.read(bytes, 0))));
    return isOwner(found) ? found : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  } finally {
    file.close();
  }
}

function writeOwner(disk: Disk, path: string, owner: Owner): void {
  const draft = `${path}-${owner.token}.draft`;
  const file = disk.open(draft, 'create');
  if (file === null) throw new LockstepError('disk-failed', 'a random name was taken', { values: { path: draft } });
  try {
    file.write(new TextEncoder().encode(`${JSON.stringify(owner)}\n`), 0);
  } finally {
    file.close();
  }
  disk.rename(draft, path);
}

function isOwner(found: unknown): found is Owner {
  if (typeof found !== 'object' || found === null) return false;
  const { pid, host, since, token } = found as Record<string, unknown>;
  return typeof pid === 'number' && [host, since, token].every((one) => typeof one === 'string');
}

const inUse = (directory: string, { pid, host, since }: Owner): LockstepError =>
  new LockstepError('in-use', 'another process has this directory; nothing was changed', {
    values: { directory, pid, host, since },
    advice: [
      'Ask that process, or stop it.',
      'Take its place (it stops leading, and says so): openFileEngine(env, directory, { …, takeOver: true })',
    ],
  });

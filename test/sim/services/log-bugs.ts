/** What stands between the file engine and its disk in the scenario `log`: a process that is slow, and engines that are wrong. */
import type { Disk, DiskFile, Env } from 'lockstep/env';
import { afterItsFirstSync, otherDisk, otherFile, skipsSync, syncsLate, type FileChange } from './other-disk.ts';

type Meddling = (env: Env) => Disk;

const isSegment = (path: string): boolean => path.endsWith('.seg') || path.endsWith('.spare');
/** Segments that are written. */
const written =
  (change: FileChange): FileChange =>
  (file, path, mode) =>
    mode === 'read' || !isSegment(path) ? file : change(file, path, mode);

/**
 * Now and then this process alone is stopped: before the write takes effect, before the sync, or after it. How often is
 * drawn for each process: mostly rarely, so that much gets done; sometimes often, so that stops meet.
 */
export const stopping: Meddling = (env) => {
  const [writesPerStop, syncsPerStop] = [env.randomness.below(3), env.randomness.below(3)];
  const rates = { writesPerStop: [4, 30, 200][writesPerStop] ?? 30, syncsPerStop: [4, 20, 100][syncsPerStop] ?? 20 };
  return otherDisk(
    env.disk,
    {},
    written((file) => stoppingFile(env, file, rates)),
  );
};

interface StopRates {
  readonly writesPerStop: number;
  readonly syncsPerStop: number;
}

function stoppingFile(env: Env, file: DiskFile, { writesPerStop, syncsPerStop }: StopRates): DiskFile {
  let kept: { readonly bytes: Uint8Array; readonly at: number }[] | null = null;
  let closed = false;
  const rest = async (): Promise<void> => {
    if (env.randomness.below(syncsPerStop) === 0) await env.sleep(`${env.randomness.below(300)}ms`);
  };
  const flush = (): void => {
    for (const { bytes, at } of kept ?? []) file.write(bytes, at);
    kept = null;
  };
  return otherFile(file, {
    write: (bytes, at) => {
      if (kept === null && env.randomness.below(writesPerStop) === 0) kept = [];
      if (kept === null) file.write(bytes, at);
      else kept.push({ bytes: bytes.slice(), at });
    },
    read: (into, at) => (flush(), file.read(into, at)),
    load: (into, at) => {
      flush();
      return file.load(into, at);
    },
    size: () => (flush(), file.size()),
    truncate: (size) => (flush(), file.truncate(size)),
    sync: async () => {
      await rest();
      if (closed) return;
      flush();
      await file.sync();
      await rest();
    },
    close: () => {
      closed = true;
      file.close();
    },
  });
}

/** What the check after the sync is told is what there was when the group was written. */
const checkingBefore: Meddling = (env) => {
  let seen: ReadonlySet<string> | null = null;
  let left = 0;
  const disk = stopping(env);
  const namesBeside = (path: string): ReadonlySet<string> => {
    const directory = path.slice(0, path.lastIndexOf('/'));
    return new Set((disk.list(directory) ?? []).map(({ name }) => `${directory}/${name}`));
  };
  const stat = (path: string) => {
    if (left === 0 || seen === null || !path.includes('/claim-')) return disk.stat(path);
    left--;
    return seen.has(path) ? ({ name: path, kind: 'file', size: 0 } as const) : null;
  };
  return otherDisk(
    disk,
    { stat },
    written((file, path) =>
      otherFile(file, {
        write: (bytes, at) => {
          seen = namesBeside(path);
          file.write(bytes, at);
        },
        sync: async () => {
          await file.sync();
          left = 2;
          env.timers.after(0, () => (left = 0)); // of a mark nobody asks
        },
      }),
    ),
  );
};

/** What it claims from may be unsynced by a process that was killed, and is not synced by it either. */
const trusting: Meddling = (env) =>
  otherDisk(
    env.disk,
    {},
    written((file, path, mode) =>
      mode === 'write' && path.endsWith('.seg') ? otherFile(file, { write: () => {}, sync: async () => {} }) : file,
    ),
  );

/** By name, those that are wrong on their disk. */
export const logBugs: Readonly<Record<string, Meddling>> = {
  'skips-the-sync': (env) => otherDisk(env.disk, {}, written(afterItsFirstSync(skipsSync))),
  'acknowledges-early': (env) => otherDisk(env.disk, {}, written(afterItsFirstSync(syncsLate))),
  'forgets-the-directory-sync': (env) => otherDisk(env.disk, { syncDirectory: async () => {} }),
  'checks-before-the-write': checkingBefore,
  'trusts-what-it-claims-from': trusting,
};

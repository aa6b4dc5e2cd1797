/** Disks and files of which some calls do something else: how bugs are planted between what is tested and its disk. */
import type { Disk, DiskFile } from 'lockstep/env';

export type FileChange = (file: DiskFile, path: string, mode: 'read' | 'write' | 'create') => DiskFile;

/** `file` sees every file that is opened. */
export function otherDisk(disk: Disk, changes: Partial<Disk>, file: FileChange = (one) => one): Disk {
  return {
    open: (path, mode) => {
      const opened = disk.open(path, mode);
      return opened === null ? null : file(opened, path, mode);
    },
    list: (directory) => disk.list(directory),
    stat: (path) => disk.stat(path),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    link: (existing, name) => disk.link(existing, name),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    ...changes,
  };
}

export function otherFile(file: DiskFile, changes: Partial<DiskFile>): DiskFile {
  return {
    path: file.path,
    read: (into, position) => file.read(into, position),
    load: (into, position) => file.load(into, position),
    write: (bytes, position) => file.write(bytes, position),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    sync: () => file.sync(),
    close: () => file.close(),
    ...changes,
  };
}

export const skipsSync = (file: DiskFile): DiskFile => otherFile(file, { sync: async () => {} });

/** It is begun, and said to be done at once. */
export const syncsLate = (file: DiskFile): DiskFile =>
  otherFile(file, {
    sync: async () => {
      file.sync().catch(() => {});
    },
  });

/** Only what makes a segment is synced as it should be; a bug in every sync would be seen at once. */
export const afterItsFirstSync =
  (change: (file: DiskFile) => DiskFile): FileChange =>
  (file) => {
    const changed = change(file);
    let isMade = false;
    return otherFile(file, {
      sync: async () => {
        await (isMade ? changed : file).sync();
        isMade = true;
      },
    });
  };

/** Cuts the file there, in place of telling the damage: what a recovery does that takes all damage for a torn end. */
export function cutDamage(disk: Disk, path: string, offset: number): void {
  const file = disk.open(path, 'write');
  file?.truncate(Math.max(headerBytes, offset));
  file?.close();
}

/** Of a segment; without it there is no segment to open. */
const headerBytes = 4_096;

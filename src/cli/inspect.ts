/** `lockstep log inspect` and `lockstep storage inspect`: what files say, without changing them. */
import { LockstepError } from '../kernel/errors.ts';
import { inspectFileLog, inspectOwner, printInspection } from '../log/file-inspect.ts';
import { HostDisk } from '../os/disk.ts';
import { HostOwnership } from '../os/ownership.ts';
import { inspectTree } from '../storage/inspect-tree.ts';
import { printTree } from '../storage/print-tree.ts';
import { jsonText } from './print-json.ts';

interface Kind<T> {
  readonly none: string;
  readonly find: (disk: HostDisk, directory: string) => Promise<T | null>;
  readonly print: (name: string, found: T) => string;
  readonly isDamaged: (found: T) => boolean;
}

/** The exit code. */
export const inspectLogs = (root: string, json: boolean): Promise<number> =>
  inspectAll(root, json, {
    none: 'there is no log in this directory',
    find: inspectFileLog,
    print: printInspection,
    isDamaged: ({ damage, epochs }) => damage !== null || epochs.some((epoch) => epoch.damage !== null),
  });

/** The exit code. */
export const inspectTrees = (root: string, json: boolean): Promise<number> =>
  inspectAll(root, json, {
    none: 'there is no tree in this directory',
    find: inspectTree,
    print: printTree,
    isDamaged: ({ damages }) => damages.length > 0,
  });

async function inspectAll<T>(root: string, json: boolean, kind: Kind<T>): Promise<number> {
  const disk = new HostDisk(root);
  try {
    const found = await foundIn(disk, kind);
    if (found.size === 0) throw new LockstepError('invalid', kind.none, { values: { directory: root } });
    if (json) console.log(jsonText(Object.fromEntries(found)));
    else {
      const owner = await inspectOwner(disk, new HostOwnership(() => disk.root), '');
      if (owner !== null) console.log(owner);
      for (const [name, one] of found) console.log(kind.print(name === '' ? root : name, one));
    }
    return [...found.values()].some((one) => kind.isDamaged(one)) ? 1 : 0;
  } finally {
    disk.close();
  }
}

/** The directory itself when it is one, else those in it. */
async function foundIn<T>(disk: HostDisk, { find }: Kind<T>): Promise<ReadonlyMap<string, T>> {
  const itself = await find(disk, '');
  if (itself !== null) return new Map([['', itself]]);
  const all = new Map<string, T>();
  for (const { name, kind } of disk.list('') ?? []) {
    const one = kind === 'directory' ? await find(disk, name) : null;
    if (one !== null) all.set(name, one);
  }
  return all;
}

/** `lockstep inspect`, `log inspect` and `storage inspect`: what files say, and whether they are whole, without changing them. */
import { LockstepError } from '../kernel/errors.ts';
import { inspectFileLog, inspectOwner, printInspection, type LogInspection } from '../log/file-inspect.ts';
import { HostDisk } from '../os/disk.ts';
import { HostOwnership } from '../os/ownership.ts';
import { inspectTree, type TreeInspection } from '../storage/inspect-tree.ts';
import { printTree } from '../storage/print-tree.ts';
import { counted, line } from './line.ts';
import { checkNode } from './node-directory.ts';
import { jsonText } from './print-json.ts';

interface Kind<T> {
  readonly none: string;
  readonly find: (disk: HostDisk, directory: string) => Promise<T | null>;
  readonly print: (name: string, found: T) => string;
  readonly isDamaged: (found: T) => boolean;
}

const logs: Kind<LogInspection> = {
  none: 'there is no log in this directory',
  find: inspectFileLog,
  print: printInspection,
  isDamaged: ({ damage, epochs }) => damage !== null || epochs.some((epoch) => epoch.damage !== null),
};

const trees: Kind<TreeInspection> = {
  none: 'there is no tree in this directory',
  find: inspectTree,
  print: printTree,
  isDamaged: ({ damages }) => damages.length > 0,
};

/** The exit code. */
export const inspectLogs = (root: string, json: boolean): Promise<number> => inspectAll(root, json, logs);

/** The exit code. */
export const inspectTrees = (root: string, json: boolean): Promise<number> => inspectAll(root, json, trees);

/** All files of a node. The exit code. */
export async function inspectNode(root: string, json: boolean): Promise<number> {
  await checkNode(root);
  const disk = new HostDisk(root);
  try {
    const [foundLogs, foundTrees] = [await foundIn(disk, logs, 'log'), await foundIn(disk, trees, 'state')];
    const damaged = new Map([...damagedIn(foundLogs, logs), ...damagedIn(foundTrees, trees)]);
    if (json) {
      const files = { logs: Object.fromEntries(foundLogs), states: Object.fromEntries(foundTrees) };
      console.log(jsonText({ damaged: [...damaged.keys()], ...files }));
    } else {
      const owner = await inspectOwner(disk, new HostOwnership(() => disk.root), 'log');
      const counts = [counted(foundLogs.size, 'log'), counted(foundTrees.size, 'state')];
      const about = damaged.size === 0 ? counts : [...counts, `${damaged.size} damaged`];
      const all = [owner ?? '', ...damaged.values(), line(damaged.size === 0 ? 'whole' : 'damaged', root, ...about)];
      console.log(all.filter((text) => text !== '').join('\n'));
    }
    return damaged.size > 0 ? 1 : 0;
  } finally {
    disk.close();
  }
}

/** Those that are, as text. */
const damagedIn = <T>(found: ReadonlyMap<string, T>, { isDamaged, print }: Kind<T>): ReadonlyMap<string, string> =>
  new Map([...found].filter(([, one]) => isDamaged(one)).map(([name, one]) => [name, print(name, one)]));

async function inspectAll<T>(root: string, json: boolean, kind: Kind<T>): Promise<number> {
  const disk = new HostDisk(root);
  try {
    const found = await foundIn(disk, kind, '');
    if (found.size === 0) throw new LockstepError('invalid', kind.none, { values: { directory: root } });
    if (json) console.log(jsonText(Object.fromEntries(found)));
    else {
      const owner = await inspectOwner(disk, new HostOwnership(() => disk.root), '');
      if (owner !== null) console.log(owner);
      for (const [name, one] of found) console.log(kind.print(name === '' ? root : name, one));
    }
    return damagedIn(found, kind).size > 0 ? 1 : 0;
  } finally {
    disk.close();
  }
}

/** The directory itself when it is one, else those in it. */
async function foundIn<T>(disk: HostDisk, { find }: Kind<T>, directory: string): Promise<ReadonlyMap<string, T>> {
  const itself = await find(disk, directory);
  if (itself !== null) return new Map([[directory, itself]]);
  const all = new Map<string, T>();
  for (const { name, kind } of disk.list(directory) ?? []) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const one = kind === 'directory' ? await find(disk, path) : null;
    if (one !== null) all.set(path, one);
  }
  return all;
}

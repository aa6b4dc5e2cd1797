/**
 * The map of `src/`, and the law: a file imports from its own room or from an earlier row, never from its own row's
 * neighbours or from below. `tools/tidy.test.ts` holds it, CONTRIBUTING.md prints it, and package.json's exports are
 * made from it, so none of the three can go stale.
 */
export interface Room {
  readonly name: string;
  /** What lives there, in one line. */
  readonly holds: string;
  /** Users import it as `lockstep/<name>`; it then has an index.ts, a page and an example of the same name. */
  readonly open: boolean;
}

const room = (name: string, holds: string): Room => ({ name, holds, open: false });
const openRoom = (name: string, holds: string): Room => ({ name, holds, open: true });

/** Rows in order; `os` and `sim`, the wings, are the two worlds that implement `env`; `check` is the third wing. */
export const layers: readonly (readonly Room[])[] = [
  [room('kernel', 'assert, brands, errors, durations, bounded queue, seeded random numbers: imports nothing')],
  [room('bytes', "order-preserving tuple keys, varints, checksums, frames, the one codec of users' values")],
  [
    openRoom(
      'env',
      'what a node asks of the outside world: clock, timers, randomness, disk, ownership, network, jobs, fetch',
    ),
  ],
  [openRoom('observe', 'counters, histograms, spans, and the registry of waits')],
  [openRoom('clock', 'hybrid logical clocks')],
  [room('wal', 'segments, group commit, marks, recovery, truncation at both ends')],
  [openRoom('ring', 'slots and shard maps; consistent hashing, bounded load, rendezvous, jump')],
  [openRoom('log', 'the Log port; memory, file; the record header and its chain; who tries to lead')],
  [
    openRoom(
      'checkpoint',
      'where checkpoints and backups are kept: files named by content, one pointer; a directory, a bucket',
    ),
  ],
  [openRoom('storage', 'a log-structured merge tree: memtable, tables, compaction, snapshots, checkpoints')],
  [openRoom('partition', 'one shard of state over a log: its leader and followers, transactions, reads, tokens')],
  [
    room(
      'machine',
      'state machines: declarations, the pure engine beneath them, their contract, drawings, tests of them',
    ),
  ],
  [openRoom('personal', 'personal data under a key per subject that can be destroyed')],
  [room('node', "a node: the verbs on an app's definitions, over partitions in one process")],
  [
    room('os', 'the real world: env over Node, file for file'),
    openRoom('sim', 'the simulated world: env from a seed, with faults, file for file'),
  ],
  [openRoom('check', 'verdicts over recorded histories: linearizability, isolation, sessions, convergence')],
  [openRoom('server', 'an app over HTTP: what is exposed, and all of a node for who is trusted; a server for Node')],
  [openRoom('client', 'an app from afar, wherever `fetch` is')],
  [room('cli', 'the `lockstep` command')],
];

/** Rooms that may import `node:*`; everything else also runs in a browser. */
export const nodeRooms: ReadonlySet<string> = new Set(['os', 'cli']);
/** Files, and the folders named as them, of other rooms that may: users import them by themselves (tools/exports.ts). */
export const nodeFiles: readonly string[] = ['server/node'];
/** Who may import the real world, besides itself: the package's root entry, and the command, a folder. */
export const osImporters: readonly string[] = ['index.ts', 'cli/'];

/**
 * Files (and the folders named as them) that may import a package: an engine's client, an optional peer dependency.
 * They import it only when it is used, so that whoever has another engine needs none of it.
 */
export const engineClients: Readonly<Record<string, readonly string[]>> = {
  'log/postgres': ['pg', 'postgres'],
  'log/nats': ['@nats-io/transport-node', '@nats-io/jetstream'],
  'checkpoint/s3': ['@smithy/signature-v4'],
  'personal/cipher': ['@noble/ciphers/chacha.js'],
};

/** Rooms that are made of a package, an optional peer: it is imported with the room, and whoever imports that has it. */
export const packagesOfRooms: Readonly<Record<string, string>> = { personal: '@noble/ciphers' };

export const rooms: readonly Room[] = layers.flat();
export const openRooms: readonly string[] = rooms.filter((one) => one.open).map((one) => one.name);

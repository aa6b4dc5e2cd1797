/**
 * Who runs on this machine, by what the system ends with a process: a listening socket in the directory (a named pipe on
 * Windows). Whoever can connect to it knows that its process runs, from another container too, and stopped or not; a
 * number of a process says neither. Where no socket can be (a file system without them, a path that is too long on
 * macOS) the number has to do. Why: docs/decisions/0004-owner-of-a-directory.md.
 */
import { closeSync, openSync, statfsSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import type { Beacon, FileSystem, Ownership, ProcessName } from '../env/ownership.ts';
import { LockstepError } from '../kernel/errors.ts';
import { diskError } from './disk-errors.ts';
import { directoryBelow, pathBelow } from './disk-path.ts';
import { isRunning } from './running.ts';
import { codeOf } from './system-code.ts';

/** A socket's path is at most 107 bytes on Linux, 103 on macOS. */
const socketPathBytesMax = 100;
/** What systems say where a socket cannot be. */
const noSocket = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'ENAMETOOLONG']);

export class HostOwnership implements Ownership {
  readonly self: ProcessName = { pid: process.pid, host: hostname() };
  readonly #root: () => string;
  readonly #shown = new Set<Beacon>();
  #open = true;

  constructor(root: () => string) {
    this.#root = root;
  }

  async show(path: string): Promise<Beacon> {
    const address = socketAt(this.#below(path));
    const listening = address === null ? null : await listenAt(address, path);
    const end = async (): Promise<void> => {
      this.#shown.delete(beacon);
      if (listening !== null && address !== null) await close(listening, address);
    };
    const beacon: Beacon = { proof: listening === null ? 'pid' : 'socket', end };
    this.#shown.add(beacon);
    return beacon;
  }

  async look(
    path: string,
    { pid, host, proof }: ProcessName & Pick<Beacon, 'proof'>,
  ): Promise<'runs' | 'ended' | 'unknown'> {
    const full = this.#below(path);
    if (proof === 'pid') return host === this.self.host && !isRunning(pid) ? 'ended' : 'unknown';
    const address = socketAt(full);
    if (address === null) return 'unknown';
    try {
      return await answers(address.path);
    } finally {
      address.done();
    }
  }

  fileSystemOf(directory: string): FileSystem {
    this.#check();
    const full = directoryBelow(this.#root(), directory);
    if (process.platform === 'win32') return { kind: full.startsWith('\\\\') ? 'network' : 'unknown', name: 'windows' };
    try {
      const { type } = statfsSync(full);
      return process.platform === 'linux' ? linuxFileSystem(type) : { kind: 'unknown', name: String(type) };
    } catch (error) {
      throw diskError(error, 'statfs', directory);
    }
  }

  async close(): Promise<void> {
    this.#open = false;
    for (const beacon of this.#shown) await beacon.end();
  }

  #below(path: string): string {
    this.#check();
    return pathBelow(this.#root(), path);
  }

  #check(): void {
    if (!this.#open) throw new LockstepError('stopped', 'the env was closed', { values: { root: this.#root() } });
  }
}

const hex = (number: number): string => `0x${(number >>> 0).toString(16)}`;

/** By statfs(2)'s number. Those that are not named here are of a kind that a machine has for itself. */
export function linuxFileSystem(type: number): FileSystem {
  const known = linuxFileSystems.get(hex(type));
  return known ?? { kind: 'local', name: hex(type) };
}
const linuxFileSystems: ReadonlyMap<string, FileSystem> = new Map(
  (
    [
      ['0x6969', 'network', 'nfs'],
      ['0x517b', 'network', 'smb'],
      ['0xff534d42', 'network', 'cifs'],
      ['0xfe534d42', 'network', 'smb2'],
      ['0x5346414f', 'network', 'afs'],
      ['0x6b414653', 'network', 'afs'],
      ['0x73757245', 'network', 'coda'],
      ['0xc36400', 'network', 'ceph'],
      ['0xbd00bd0', 'network', 'lustre'],
      ['0x47504653', 'network', 'gpfs'],
      ['0x65735546', 'unproven', 'fuse'],
      ['0x1021997', 'unproven', '9p'],
      ['0x7461636f', 'unproven', 'ocfs2'],
      ['0x1161970', 'unproven', 'gfs2'],
      ['0xef53', 'local', 'ext'],
      ['0x58465342', 'local', 'xfs'],
      ['0x9123683e', 'local', 'btrfs'],
      ['0x2fc12fc1', 'local', 'zfs'],
      ['0x1021994', 'local', 'tmpfs'],
      ['0x794c7630', 'local', 'overlayfs'],
    ] as const
  ).map(([number, kind, name]) => [number, { kind, name }]),
);

interface SocketAddress {
  /** For the system's calls. */
  readonly path: string;
  readonly full: string;
  /** No call uses `path` any more. */
  done(): void;
}

/** Null where a path is too long for a socket. Linux reaches one of any length through its open directory. */
function socketAt(full: string): SocketAddress | null {
  if (process.platform === 'win32')
    return { path: `\\\\.\\pipe\\lockstep-${basename(full)}`, full, done: () => undefined };
  if (new TextEncoder().encode(full).length <= socketPathBytesMax) return { path: full, full, done: () => undefined };
  if (process.platform !== 'linux') return null;
  const directory = dirname(full);
  let fd: number;
  try {
    fd = openSync(directory, 'r');
  } catch (error) {
    throw diskError(error, 'open', directory);
  }
  return { path: `/proc/self/fd/${fd}/${basename(full)}`, full, done: () => closeSync(fd) };
}

/** Null where there can be no socket. It keeps no process alive, and no other process has it: not even a child of this one. */
async function listenAt(address: SocketAddress, path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: address.path, exclusive: true }, resolve);
    });
    server.unref();
    server.on('error', () => {}); // a connection that could not be accepted was answered by the system already
    return server;
  } catch (error) {
    address.done();
    const code = codeOf(error) ?? '';
    if (noSocket.has(code)) return null;
    if (code === 'EADDRINUSE')
      throw new LockstepError('in-use', 'somebody shows itself there', { values: { path }, cause: error });
    throw diskError(error, 'bind', path);
  }
}

async function close(server: Server, address: SocketAddress): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  address.done();
  try {
    unlinkSync(address.full); // as a rule it went with the server
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw diskError(error, 'unlink', address.full);
  }
}

async function answers(path: string): Promise<'runs' | 'ended' | 'unknown'> {
  const error = await new Promise<unknown>((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(null);
    });
    socket.once('error', resolve);
  });
  if (error === null) return 'runs';
  const code = codeOf(error) ?? '';
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'ended';
  return code === 'EAGAIN' ? 'runs' : 'unknown'; // EAGAIN: many asked one that is stopped
}

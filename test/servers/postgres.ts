/**
 * A PostgreSQL of our own: on a free port of the loopback, its data in a temporary folder, synced as in production, ended
 * by the process that was started and nothing else. Alone, or with a standby made from it. PostgreSQL refuses to run as
 * root; there it runs as its own user.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { removeFolder } from './folder.ts';
import { freePort } from './free-ports.ts';
import { endWithUs } from './guard.ts';

export type PostgresSettings = Readonly<Record<string, string>>;

export interface PostgresServer {
  readonly port: number;
  readonly folder: string;
  /** For clients; the user is a superuser and needs no password. */
  readonly url: string;
  /** SIGKILL to the server and all that it started, as a crash of its machine would, but for the disk's cache. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with the data that there is. */
  restart(): Promise<void>;
  /** SIGSTOP to all of its processes, until `resume`. */
  pause(): void;
  resume(): void;
  /** A standby that follows this one, by a proxy's port if one is given; `name` is what `synchronous_standby_names` calls it. */
  startStandby(name: string, port?: number): Promise<PostgresServer>;
  /** Makes a standby a primary, and waits until it is one. */
  promote(): Promise<void>;
  /** Changes settings while it runs. */
  configure(settings: PostgresSettings): void;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** Somebody else may take the free port before it does. */
const triesMax = 5;

const quiet: PostgresSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '120',
  shared_buffers: '32MB',
  autovacuum_naptime: '10s',
  lc_messages: 'C',
};

/** `program`: the path of `postgres`, its other programs beside it. */
export async function startPostgres(program: string, settings: PostgresSettings = {}): Promise<PostgresServer> {
  const home = newFolder('lockstep-postgres-');
  try {
    const data = join(home, 'data');
    const args = ['-D', data, '-A', 'trust', '-U', 'postgres', '-N', '-E', 'UTF8', '--no-locale'];
    await runAs(join(dirname(program), 'initdb'), args);
    writeSettings(data, { ...quiet, ...settings });
    return await Instance.start(program, home, data);
  } catch (error) {
    removeFolder(home);
    throw error;
  }
}

class Instance implements PostgresServer {
  readonly port: number;
  readonly folder: string;
  readonly #program: string;
  readonly #data: string;
  #child: ChildProcess;
  #exited: Promise<void>;
  readonly #end = (): void => this.#signal('SIGKILL'); // when this process ends without stopping it

  constructor(program: string, folder: string, data: string, port: number, child: ChildProcess) {
    this.#program = program;
    this.folder = folder;
    this.#data = data;
    this.port = port;
    this.#child = child;
    this.#exited = exitOf(child);
    process.once('exit', this.#end);
  }

  static async start(program: string, folder: string, data: string): Promise<Instance> {
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      const started = await startOn(program, data, port);
      if (typeof started !== 'string') return new Instance(program, folder, data, port, started);
      if (tries === triesMax) throw new Error(`postgres did not start:\n${started}`);
    }
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  async restart(): Promise<void> {
    const started = await startOn(this.#program, this.#data, this.port, (child) => {
      [this.#child, this.#exited] = [child, exitOf(child)]; // at once: who kills it now kills this one
    });
    if (typeof started === 'string') throw new Error(`postgres did not start again:\n${started}`);
  }

  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async startStandby(name: string, port = this.port): Promise<PostgresServer> {
    const home = newFolder('lockstep-standby-');
    try {
      const data = join(home, 'data');
      const source = `host=127.0.0.1 port=${port} user=postgres application_name=${name}`;
      await runAs(join(dirname(this.#program), 'pg_basebackup'), [
        '-D',
        data,
        '-d',
        source,
        '-R',
        '-X',
        'stream',
        '-c',
        'fast',
        '-N',
      ]);
      writeSettings(data, { synchronous_standby_names: '' });
      return await Instance.start(this.#program, home, data);
    } catch (error) {
      removeFolder(home);
      throw error;
    }
  }

  promote(): Promise<void> {
    return runAs(join(dirname(this.#program), 'pg_ctl'), ['promote', '-D', this.#data, '-w']);
  }

  configure(settings: PostgresSettings): void {
    writeSettings(this.#data, settings);
    this.#child.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    process.off('exit', this.#end);
    this.#signal('SIGCONT');
    this.#signal('SIGKILL'); // its data goes with it
    await this.#exited;
    removeFolder(this.folder);
  }

  /** To the server and to each process that it started. A killed server's children notice by themselves, but later. */
  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    for (const one of [pid, ...childrenOf(pid)]) {
      try {
        process.kill(one, signal);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // it has ended by itself
      }
    }
  }
}

/** The process once it takes connections, or what it said before it ended. */
function startOn(
  program: string,
  data: string,
  port: number,
  onChild: (child: ChildProcess) => void = () => {},
): Promise<ChildProcess | string> {
  const owner = ownerIds();
  const child = spawn(program, ['-D', data, '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: data,
    ...owner,
  });
  endWithUs(child);
  onChild(child);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
      if (/database system is ready to accept (?:read-only )?connections/.test(said)) resolve(child);
    });
    child.once('error', reject);
    child.once('exit', () => resolve(said));
  });
}

const exitOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once('exit', () => resolve());
  });

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has ended
  }
}

/** Later lines win. */
function writeSettings(data: string, settings: PostgresSettings): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  appendFileSync(join(data, 'postgresql.conf'), lines.join(''));
}

/** Who runs servers that refuse to run as root: Debian's user of that name. Nobody else when we are not root. */
export function ownerIds(): { readonly uid: number; readonly gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

export function newFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const { uid, gid } = ownerIds();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

export function writeOwned(path: string, text: string): void {
  writeFileSync(path, text);
  const { uid, gid } = ownerIds();
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Not synchronous: it may go through a proxy in this process. */
function runAs(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { ...ownerIds(), cwd: tmpdir() }, (error, _, said) => {
      if (error === null) resolve();
      else reject(new Error(`${program} failed:\n${said}`, { cause: error }));
    });
  });
}

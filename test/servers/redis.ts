/**
 * A Redis of our own: on a free port of the loopback, its data in a temporary folder, ended by the process that was
 * started and nothing else. It keeps an append-only file and never rewrites it, so that no fork disturbs a measurement.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from './folder.ts';
import { freePort } from './free-ports.ts';
import { endWithUs } from './guard.ts';

export interface RedisServer {
  readonly port: number;
  /** Where its data is; removed when it is stopped. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Somebody else may take the free port before Redis does. */
const triesMax = 5;

/** `fsync`: `always` syncs before it answers, `everysec` may lose a second. */
export async function startRedis(program: string, fsync: 'always' | 'everysec'): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-redis-'));
  try {
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      const started = await startOn(program, port, folder, fsync);
      if (typeof started !== 'string') return serverOf(started, port, folder);
      if (tries === triesMax) throw new Error(`redis-server did not start:\n${started}`);
    }
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

/** The process once it takes connections, or what it said before it ended. */
function startOn(program: string, port: number, folder: string, fsync: string): Promise<ChildProcess | string> {
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: fsync,
    'auto-aof-rewrite-percentage': '0',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  endWithUs(child);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000);
      if (said.includes('Ready to accept connections')) resolve(child);
    });
    child.once('error', reject);
    child.once('exit', () => resolve(said));
  });
}

function serverOf(child: ChildProcess, port: number, folder: string): RedisServer {
  const end = (): void => void child.kill('SIGKILL'); // when this process ends without stopping it
  process.once('exit', end);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return {
    port,
    folder,
    stop: async () => {
      process.off('exit', end);
      child.kill('SIGTERM');
      await exited;
      removeFolder(folder);
    },
  };
}

/** A pgbouncer of our own before a PostgreSQL, in transaction mode: each transaction gets whichever connection is free. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { removeFolder } from './folder.ts';
import { freePort } from './free-ports.ts';
import { endWithUs } from './guard.ts';
import { newFolder, ownerIds, writeOwned } from './postgres.ts';

export interface PgbouncerServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

const triesMax = 5;

/** `serverPort`: of the PostgreSQL behind it. Few connections lead there, so that they are shared. */
export async function startPgbouncer(program: string, serverPort: number, poolSize = 3): Promise<PgbouncerServer> {
  const folder = newFolder('lockstep-pgbouncer-');
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const settings = join(folder, 'pgbouncer.ini');
    writeOwned(join(folder, 'users.txt'), '"postgres" ""\n');
    writeOwned(
      settings,
      [
        '[databases]',
        `postgres = host=127.0.0.1 port=${serverPort} dbname=postgres user=postgres`,
        '[pgbouncer]',
        'listen_addr = 127.0.0.1',
        `listen_port = ${port}`,
        'unix_socket_dir =',
        'auth_type = trust',
        `auth_file = ${join(folder, 'users.txt')}`,
        'pool_mode = transaction',
        `default_pool_size = ${poolSize}`,
        'max_client_conn = 200',
        '',
      ].join('\n'),
    );
    const started = await startOn(program, settings);
    if (typeof started !== 'string') return serverOf(started, port, folder);
    if (tries === triesMax) {
      removeFolder(folder);
      throw new Error(`pgbouncer did not start:\n${started}`);
    }
  }
}

function serverOf(child: ChildProcess, port: number, folder: string): PgbouncerServer {
  const end = (): void => void child.kill('SIGKILL'); // when this process ends without stopping it
  process.once('exit', end);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return {
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      process.off('exit', end);
      child.kill('SIGKILL');
      await exited;
      removeFolder(folder);
    },
  };
}

/** The process once it takes connections, or what it said before it ended. */
function startOn(program: string, settings: string): Promise<ChildProcess | string> {
  const child = spawn(program, [settings], { stdio: ['ignore', 'ignore', 'pipe'], ...ownerIds() });
  endWithUs(child);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000);
      if (said.includes('process up')) resolve(child);
    });
    child.once('error', reject);
    child.once('exit', () => resolve(said));
  });
}

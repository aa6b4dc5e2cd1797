/**
 * NATS servers of our own, with JetStream: one, or a cluster, on free ports of the loopback, their data in a temporary
 * folder. Each can be killed, stopped in its tracks, started again, with its data or without.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from './folder.ts';
import { freePorts } from './free-ports.ts';
import { endWithUs } from './guard.ts';

export interface NatsNode {
  readonly name: string;
  readonly port: number;
  /** SIGKILL, and the end of the process. */
  kill(): Promise<void>;
  /** Again, on the same ports, with the data that it left. Resolves once it takes connections. */
  start(): Promise<void>;
  /** SIGSTOP. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Removes its data; only while it does not run. */
  wipe(): void;
}

export interface NatsServers extends AsyncDisposable {
  readonly nodes: readonly NatsNode[];
  /** Of all of them. */
  readonly servers: readonly string[];
  /** Ends all, by the processes that were started, and removes their data. */
  stop(): Promise<void>;
}

export interface NatsServersOptions {
  /** How many; from 2 on they are a cluster. Default 1. */
  readonly count?: 1 | 3 | 5;
  readonly jetStream?: boolean;
  /** The largest message. Default 1 MiB. */
  readonly maxPayload?: number;
}

/** As the server has it in its INFO: `2.10.23`. */
export function versionOf(program: string): string {
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' });
  const version = /v(\d+\.\d+\.\d+\S*)/.exec(said)?.[1];
  if (version === undefined) throw new Error(`nats-server tells no version: ${said}`);
  return version;
}

/** Somebody else may take a free port before the server does. */
const triesMax = 5;

export async function startNats(program: string, options: NatsServersOptions = {}): Promise<NatsServers> {
  for (let tries = 1; ; tries++) {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-nats-'));
    const nodes = await nodesOf(program, folder, options);
    const end = (): void => nodes.forEach((node) => node.end());
    process.once('exit', end);
    const stop = async (): Promise<void> => {
      process.off('exit', end);
      await Promise.all(nodes.map((node) => node.kill()));
      removeFolder(folder);
    };
    try {
      await Promise.all(nodes.map((node) => node.start()));
      const servers = nodes.map(({ port }) => `127.0.0.1:${port}`);
      return { nodes, servers, stop, [Symbol.asyncDispose]: stop };
    } catch (error) {
      await stop();
      if (tries === triesMax) throw error;
    }
  }
}

async function nodesOf(program: string, folder: string, options: NatsServersOptions): Promise<readonly Node[]> {
  const { count = 1, jetStream = true, maxPayload = 1_048_576 } = options;
  const ports = await freePorts(count * 2);
  const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`);
  return Array.from({ length: count }, (_, index) => {
    const [name, port] = [`node-${index + 1}`, ports[index] as number];
    const home = join(folder, name);
    mkdirSync(home);
    const lines = [
      `server_name: ${name}`,
      `listen: "127.0.0.1:${port}"`,
      `max_payload: ${maxPayload}`,
      jetStream ? `jetstream { store_dir: "${join(home, 'data')}", max_mem: 64MB, max_file: 8GB }` : '',
      count > 1
        ? `cluster { name: test, listen: "127.0.0.1:${ports[count + index]}", routes: [${routes.join(', ')}] }`
        : '',
    ];
    writeFileSync(join(home, 'server.conf'), lines.join('\n'));
    return new Node(program, name, port, home);
  });
}

class Node implements NatsNode {
  readonly name: string;
  readonly port: number;
  readonly #program: string;
  readonly #home: string;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  constructor(program: string, name: string, port: number, home: string) {
    this.name = name;
    this.port = port;
    this.#program = program;
    this.#home = home;
  }

  start(): Promise<void> {
    const args = ['-c', join(this.#home, 'server.conf')];
    const child = spawn(this.#program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    endWithUs(child);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve()); // it never ran
    });
    return new Promise((resolve, reject) => {
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-10_000);
        if (said.includes('Server is ready')) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`nats-server did not start:\n${said}`)));
    });
  }

  /** When this process ends without stopping it. */
  end(): void {
    this.#child?.kill('SIGKILL');
  }

  async kill(): Promise<void> {
    this.end();
    await this.#exited;
    this.#child = null;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  wipe(): void {
    if (this.#child !== null) throw new Error(`${this.name} still runs`);
    removeFolder(join(this.#home, 'data'));
  }
}

/**
 * One chaos of the shop from beginning to end: all processes of `npm start` are killed at one moment, again and again, while
 * orders come, and are started again; each start has to find everything that was acknowledged before it goes on, and to show
 * its page. Then the shop is ended in order, and the judge opens its directory.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'lockstep';
import { readLedger } from '../../../examples/shop/ledger.ts';
import { shop } from '../../../examples/shop/shop.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { freePort } from '../../servers/free-ports.ts';
import { judge, type Verdict } from './judge.ts';

export interface ShopChaosOptions {
  readonly seed: string;
  readonly restarts: number;
  /** Whether it was built (`tools/dashboard.ts`): then it has to come back too. */
  readonly hasPage: boolean;
  readonly onLine: (line: string) => void;
}

export interface ShopChaosResult {
  readonly verdict: Verdict;
  readonly acknowledged: number;
  /** After each kill, how long it took until somebody was acknowledged something, the start of all processes included. */
  readonly readyMs: readonly number[];
  readonly complaints: readonly string[];
}

const start = new URL('../../../examples/shop/start.ts', import.meta.url).pathname;
const ordersPerSecond = 50;
/** All is killed after so many acknowledgements, or fewer. */
const killAfterMax = 150;
const readyMsMax = 60_000;
const lookEveryMs = 20;
const saidMax = 10_000;

export async function runShopChaos(options: ShopChaosOptions): Promise<ShopChaosResult> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-shop-chaos-'));
  const chaos = new ShopChaos(join(folder, 'shop'), await freePort(), options);
  let isClean = false;
  try {
    const result = await chaos.run();
    isClean = hasPassed(result);
    return result;
  } finally {
    await chaos.kill();
    if (isClean) rmSync(folder, { recursive: true });
    else options.onLine(`left as it is: ${folder}`);
  }
}

export const hasPassed = ({ verdict, complaints }: ShopChaosResult): boolean =>
  verdict.problems.length + complaints.length === 0;

class ShopChaos {
  readonly #data: string;
  readonly #port: number;
  readonly #options: ShopChaosOptions;
  readonly #complaints: string[] = [];
  /** Its processes are a group of their own. */
  #started: ChildProcess | null = null;
  #said = '';

  constructor(data: string, port: number, options: ShopChaosOptions) {
    this.#data = data;
    this.#port = port;
    this.#options = options;
  }

  async run(): Promise<ShopChaosResult> {
    const { seed, restarts, onLine } = this.#options;
    const random = new SeededRandom(seed);
    const readyMs: number[] = [];
    this.#start();
    for (let restart = 1; restart <= restarts && this.#complaints.length === 0; restart++) {
      await this.#acknowledges(1 + random.below(killAfterMax));
      await this.kill();
      const begun = performance.now();
      this.#start();
      await this.#acknowledges(1);
      readyMs.push(performance.now() - begun);
      if (this.#options.hasPage) await this.#showsPage();
      onLine(`restart ${restart}: acknowledging again after ${Math.round(readyMs.at(-1) ?? 0)} ms`);
    }
    await this.#end();
    if (this.#said !== '') this.#complaints.push(`the processes said: ${this.#said}`);
    const ledger = readLedger(`${this.#data}-ledger`);
    await using node = await open(shop, { data: this.#data });
    const verdict = await judge(node, ledger);
    return { verdict, acknowledged: ledger.length, readyMs, complaints: this.#complaints };
  }

  #start(): void {
    const options = ['--data', this.#data, '--port', String(this.#port), '--rate', String(ordersPerSecond)];
    const args = ['--conditions=lockstep-source', start, ...options];
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-saidMax)));
    const end = (): void => killGroup(child); // when this process ends without having ended it
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    this.#started = child;
  }

  /** The whole group, at one moment. */
  async kill(): Promise<void> {
    const child = this.#started;
    this.#started = null;
    if (child === null) return;
    const closed = once(child, 'close'); // no process of the group has its standard error any more
    killGroup(child);
    await closed;
  }

  /** As with Ctrl-C. */
  async #end(): Promise<void> {
    const child = this.#started;
    this.#started = null;
    if (child === null) return;
    const closed = once(child, 'close');
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await closed;
    if (child.exitCode !== 0) this.#complaints.push(`it ended with ${child.signalCode ?? child.exitCode}`);
  }

  /** So many commands more are acknowledged than now. */
  async #acknowledges(count: number): Promise<void> {
    const acknowledged = (): number => readLedger(`${this.#data}-ledger`).length;
    const enough = acknowledged() + count;
    const begun = performance.now();
    while (acknowledged() < enough) {
      if (performance.now() - begun > readyMsMax)
        return void this.#complaints.push(`nobody was acknowledged anything within ${readyMsMax / 1_000} s`);
      await sleep(lookEveryMs);
    }
  }

  async #showsPage(): Promise<void> {
    const { status, headers } = await fetch(`http://127.0.0.1:${this.#port}/`);
    const type = headers.get('content-type') ?? '';
    if (status !== 200 || !type.startsWith('text/html')) this.#complaints.push(`the page is ${status} ${type}`);
  }
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
}

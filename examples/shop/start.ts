/**
 * `npm start`, once the page is built: the shop under `lockstep dev`, and in a process beside it those who use it. Every few seconds it
 * prints what goes on. Ctrl-C ends all of it; started again it goes on, once everything that was acknowledged is found there.
 *
 *     npm start -- --rate 50               orders a second; 10 without it
 *     npm start -- --port 4100             not 4000, nor another one where that is taken
 *     npm start -- --data DIR              not .lockstep/shop; DIR-ledger is the ledger
 *     npm start -- --orders orders.csv     replays real orders into a shop of their own, and ends
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect, isLockstepError, type RemoteConnection } from 'lockstep';
import { settledBalance } from './balance.ts';
import { readLedger } from './ledger.ts';
import { printNumbers, readNumbers } from './numbers.ts';
import { readRealOrders, type RealOrder } from './real-orders.ts';
import { printStatuses, replay } from './replay.ts';
import { orderCounts } from './views.ts';

const pathOf = (program: string): string => join(import.meta.dirname, program);
const flags = ['--conditions=lockstep-source'];
const numbersEveryMs = 5_000;
/** So many of what was acknowledged last are looked for before it goes on. */
const lookedForMax = 20_000;

interface Options {
  readonly data: string;
  readonly port: string | undefined;
  readonly rate: string;
  readonly seed: string;
}

class Start {
  readonly #options: Options;
  readonly #shop: RemoteConnection;
  readonly #ending = new AbortController();
  readonly #processes: ChildProcess[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.#shop = connect(options.data);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#ending.abort());
  }

  /** Resolves with the exit code, once all that was started has ended. `work`: what there is to do while the shop runs. */
  async run(work: () => Promise<boolean>): Promise<number> {
    const { data, port } = this.#options;
    let isDone = false;
    try {
      const where = ['--data', data, ...(port === undefined ? [] : ['--port', port])];
      const args = [...flags, pathOf('../../src/cli/main.ts'), 'dev', pathOf('shop.ts'), ...where];
      this.#guard(spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }));
      await this.#shop.query(orderCounts, null, { signal: this.#signal, deadline: '2min' }); // it answers
      isDone = await this.#orEnded(work());
    } catch (error) {
      if (!this.#signal.aborted) throw error;
      isDone = true;
    } finally {
      // Those who use the shop before the shop.
      for (const child of this.#processes.toReversed()) await ended(child);
    }
    return isDone && this.#processes.every(({ exitCode }) => exitCode === 0) ? 0 : 1;
  }

  get #signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Forever: numbers of what goes on. False: it does not balance, and is not touched. */
  async trade(): Promise<boolean> {
    const { data, rate, seed } = this.#options;
    const folder = `${data}-ledger`;
    if (!(await this.#balances(folder))) return false;
    this.#guard(fork(pathOf('generator.ts'), [data, folder, rate, seed], { execArgv: flags }));
    for (let before = await readNumbers(this.#shop); ;) {
      await sleep(numbersEveryMs, undefined, { signal: this.#signal });
      try {
        const now = await readNumbers(this.#shop);
        console.log(printNumbers(before, now));
        before = now;
      } catch (error) {
        if (!isLockstepError(error) || !error.retry) throw error; // code that was just changed may not run
      }
    }
  }

  async #balances(folder: string): Promise<boolean> {
    const acknowledged = readLedger(folder).slice(-lookedForMax);
    const pause = (): Promise<void> => sleep(500, undefined, { signal: this.#signal });
    const { problems, orders, money } = await settledBalance(this.#shop, acknowledged, { pause, attempts: 20 });
    for (const problem of problems.slice(0, 10)) console.error(`  problem      ${problem}`);
    if (problems.length > 0 || orders === 0) return problems.length === 0;
    const found = `${acknowledged.length} of ${acknowledged.length} acknowledged commands found`;
    console.log(`  balance      ${found} · ${orders} orders · ${(money / 100).toFixed(2)} € · money and goods balance`);
    return true;
  }

  /** Real orders, with progress, and then where they stand. */
  async replay(orders: readonly RealOrder[]): Promise<boolean> {
    const begun = performance.now();
    const replayed = await replay(this.#shop, orders, (count) => {
      if (count % 500 === 0 || count === orders.length) console.log(`  ${count} of ${orders.length} orders`);
    });
    console.log(`\n${printStatuses(replayed)}\n`);
    const differing = replayed.flatMap(({ differs }) => differs ?? []);
    console.log(
      `  ${differing.length} differ from the file${differing.length > 0 ? ', as it tells what the shop refuses:' : ''}`,
    );
    for (const line of differing) console.log(`    ${line}`);
    console.log(`  ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    return true;
  }

  /** When one ends, all do. */
  #guard(child: ChildProcess): void {
    this.#processes.push(child);
    child.once('exit', () => this.#ending.abort());
  }

  /** What would wait for a shop that is gone, when all is told to end. */
  #orEnded<T>(work: Promise<T>): Promise<T> {
    const ended = new Promise<never>((_resolve, reject) => {
      const end = (): void => reject(this.#signal.reason);
      if (this.#signal.aborted) end();
      this.#signal.addEventListener('abort', end, { once: true });
    });
    return Promise.race([work, ended]);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: '.lockstep/shop' },
      port: { type: 'string' },
      rate: { type: 'string', default: '10' },
      seed: { type: 'string', default: 'web' },
      orders: { type: 'string' },
    },
  });
  const { orders: file, port, ...others } = values;
  if (!(Number(values.rate) > 0)) throw new Error('--rate is a number of orders a second');
  if (file === undefined) {
    const start = new Start({ ...others, port });
    return start.run(() => start.trade());
  }
  const orders = readRealOrders(file);
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-orders-'));
  try {
    const start = new Start({ ...others, port, data: join(folder, 'shop') });
    return await start.run(() => start.replay(orders));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exit(await main()); // what was asked of a shop that is gone is not waited for

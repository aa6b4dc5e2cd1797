/**
 * One chaos of machines from beginning to end: a process that has the bank on a directory is killed again and again under
 * load, and started again; then all that is on its way arrives, and the judge opens the directory itself.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'lockstep';
import { connect, type RemoteConnection } from 'lockstep/client';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { freePort } from '../../servers/free-ports.ts';
import { Lives } from '../lives.ts';
import { account, accountKeys, bank, lamp, lampKeys } from './bank.ts';
import { Caller, readOn } from './callers.ts';
import { judge, type Verdict } from './judge.ts';
import { Ledger } from './ledger.ts';
import type { MachineOrder } from './node.ts';

export interface MachineChaosOptions {
  readonly seed: string;
  readonly restarts: number;
  readonly onLine: (line: string) => void;
}

export interface MachineChaosResult {
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  /** After each kill, how long it took until a caller was acknowledged something, the process' start included. */
  readonly readyMs: readonly number[];
  /** What the process said that should be silent, and what did not come back to life. */
  readonly complaints: readonly string[];
}

const callerCount = 48;
/** The process is killed after so many acknowledgements, or fewer. */
const killAfterMax = 150;
const readyMsMax = 30_000;

export async function runMachineChaos(options: MachineChaosOptions): Promise<MachineChaosResult> {
  const data = mkdtempSync(join(tmpdir(), 'lockstep-machine-chaos-'));
  const chaos = new MachineChaos({ data, port: await freePort() }, options);
  let isClean = false;
  try {
    const result = await chaos.run();
    isClean = hasPassed(result);
    return result;
  } finally {
    await chaos.close();
    if (isClean) rmSync(data, { recursive: true });
    else options.onLine(`left as it is: ${data}`);
  }
}

export const hasPassed = ({ verdict, complaints }: MachineChaosResult): boolean =>
  verdict.problems.length + complaints.length === 0;

class MachineChaos {
  readonly #order: MachineOrder;
  readonly #options: MachineChaosOptions;
  readonly #process = new Lives(new URL('./node.ts', import.meta.url), ['--conditions=lockstep-source']);
  readonly #bank: RemoteConnection;
  readonly #ledger = new Ledger();
  readonly #complaints: string[] = [];
  readonly #readyMs: number[] = [];
  #reading: AbortController | null = new AbortController();
  #isEnough = false;

  constructor(order: MachineOrder, options: MachineChaosOptions) {
    this.#order = order;
    this.#options = options;
    this.#bank = connect(`http://127.0.0.1:${order.port}`);
  }

  async run(): Promise<MachineChaosResult> {
    const { seed, restarts } = this.#options;
    this.#process.start(this.#order);
    const reader = readOn(this.#bank, this.#ledger, () => this.#reading?.signal ?? null);
    const callers = Array.from({ length: callerCount }, (_, index) => this.#call(new SeededRandom(`${seed} ${index}`)));
    const all = Promise.all([reader, ...callers]);
    await Promise.race([all, this.#restart(new SeededRandom(`${seed} restarts`), restarts)]);
    this.#isEnough = true;
    await Promise.all(callers);
    await this.#until('all that is on its way', () => this.#hasSettled());
    this.#breakOff({ isLast: true });
    await all;
    await this.#process.kill();
    if (this.#process.said !== '') this.#complaints.push(`the process said: ${this.#process.said}`);
    await using node = await open(bank, { data: this.#order.data });
    const verdict = await judge(node, this.#ledger);
    return { verdict, ledger: this.#ledger, readyMs: this.#readyMs, complaints: this.#complaints };
  }

  async close(): Promise<void> {
    this.#isEnough = true;
    this.#breakOff({ isLast: true });
    await this.#process.kill();
  }

  async #call(random: SeededRandom): Promise<void> {
    const caller = new Caller(this.#bank, random, this.#ledger);
    while (!this.#isEnough) await caller.callOnce();
  }

  async #restart(random: SeededRandom, count: number): Promise<void> {
    const acknowledged = (): number => this.#ledger.countOf('acknowledged');
    for (let restart = 0; restart < count; restart++) {
      const enough = acknowledged() + 1 + random.below(killAfterMax);
      await this.#until('a caller', async () => acknowledged() >= enough, 1);
      await this.#process.kill();
      if (random.chance(0.5)) this.#breakOff({ isLast: false }); // else the connection goes on by itself
      const before = acknowledged();
      const startedAt = performance.now();
      this.#process.start(this.#order);
      await this.#until('a caller', async () => acknowledged() > before, 1);
      this.#readyMs.push(performance.now() - startedAt);
    }
  }

  #breakOff({ isLast }: { readonly isLast: boolean }): void {
    const reading = this.#reading;
    this.#reading = isLast ? null : new AbortController();
    reading?.abort();
  }

  /** All messages have arrived, all lamps have gone out, and the reader has seen all of it. */
  async #hasSettled(): Promise<boolean> {
    const accounts = await Promise.all(accountKeys.map((key) => this.#bank.read(account, key)));
    const lamps = await Promise.all(lampKeys.map((key) => this.#bank.read(lamp, key)));
    const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
    const onTheirWay = sum(accounts.map(({ state }) => state.sent - state.received));
    const events = sum(accounts.map(({ version }) => version));
    const areOut = lamps.every(({ state }) => state.at === 'off');
    return onTheirWay === 0 && areOut && this.#ledger.seen.length >= events;
  }

  async #until(who: string, shows: () => Promise<boolean>, everyMs = 50): Promise<void> {
    const startedAt = performance.now();
    while (!(await shows())) {
      if (performance.now() - startedAt > readyMsMax)
        return void this.#complaints.push(`${who} shows no life within ${readyMsMax / 1_000} s`);
      await sleep(everyMs);
    }
  }
}

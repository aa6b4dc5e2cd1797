/**
 * One chaos from beginning to end: servers, ways to them, two writers, two readers, the raw control; the faults of a
 * schedule; then everything healed, a sign of life from everybody, and the judge.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeFirst } from '../../../src/log/coordinates.ts';
import { type HostEnv, openHostEnv } from '../../../src/os/env.ts';
import { isClaim, ownerOf } from '../../../src/log/record.ts';
import { Arena, type Servers } from './arena.ts';
import { Child, type Role } from './children.ts';
import { inflict } from './inflict.ts';
import { decodePayload, type Entry } from './journal.ts';
import { type Found, judge, type Verdict } from './judge.ts';
import { logName, sleep } from './log-process.ts';
import { prepareRaw, readRaw } from './raw-client.ts';
import { type Fault, printFault, scheduleOf } from './schedule.ts';
import { type Address, sourceOf } from './sources.ts';

export interface ChaosOptions {
  readonly seed: string;
  /** From the first fault to the end of the last. */
  readonly faultsMs: number;
  readonly onLine: (line: string) => void;
}

export interface ChaosResult {
  readonly faults: readonly Fault[];
  readonly log: readonly Found[];
  /** By incarnation. */
  readonly journals: ReadonlyMap<string, readonly Entry[]>;
  readonly verdict: Verdict;
  readonly control: ControlResult;
  /** What did not come back to life after everything was healed, or said something where it should be silent. */
  readonly complaints: readonly string[];
}

export interface ControlResult {
  readonly acknowledged: number;
  readonly unknown: number;
  /** Acknowledged by the engine to its own client, and not there. */
  readonly missing: readonly string[];
  readonly doubled: number;
}

const warmUpMs = 200;
/** Everything is healed: whoever takes longer to show life is stuck. */
const healedMsMax = 45_000;
const roles: Readonly<Record<string, Role>> = {
  'writer-1': 'writer',
  'writer-2': 'writer',
  'reader-1': 'reader',
  'reader-2': 'reader',
  control: 'control',
};

export async function runChaos(start: () => Promise<Servers>, options: ChaosOptions): Promise<ChaosResult> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-chaos-'));
  const chaos = new Chaos(new Arena(await start()), folder, options);
  try {
    const result = await chaos.run();
    rmSync(folder, { recursive: true });
    return result;
  } catch (error) {
    options.onLine(`left as it is: ${folder}`);
    throw error;
  } finally {
    await chaos.close();
  }
}

class Chaos {
  readonly #arena: Arena;
  readonly #folder: string;
  readonly #options: ChaosOptions;
  readonly #children = new Map<string, Child>();
  readonly #complaints: string[] = [];

  constructor(arena: Arena, folder: string, options: ChaosOptions) {
    this.#arena = arena;
    this.#folder = folder;
    this.#options = options;
  }

  async run(): Promise<ChaosResult> {
    const { seed, faultsMs, onLine } = this.#options;
    const { servers } = this.#arena;
    await untilDone('the servers', () => prepareRaw(servers.address, servers.replicas));
    for (const [name, role] of Object.entries(roles)) {
      const address = await this.#arena.addressFor(name);
      this.#children.set(name, new Child({ name, role, address, folder: this.#folder, seed }));
    }
    for (const child of this.#children.values()) child.begin();
    const clients = Object.keys(roles);
    const victims = {
      processes: clients.filter((name) => roles[name] !== 'control'),
      clients,
      nodeCount: servers.nodes.length,
    };
    const faults = scheduleOf(seed, victims, warmUpMs, warmUpMs + faultsMs);
    for (const fault of faults) onLine(printFault(fault));
    await this.#withinLife(); // processes take a while to start
    await inflict(
      {
        victim: (name) => this.#childOf(name),
        hurtNetwork: (fault) => this.#arena.hurtNetwork(fault),
        healNetwork: (target) => this.#arena.healNetwork(target),
        serversOf: (fault) => this.#arena.victimsOf(fault),
      },
      faults,
    );
    await this.#showLife();
    return this.#conclude(faults);
  }

  async close(): Promise<void> {
    for (const child of this.#children.values()) await child.kill();
    await this.#arena.close();
  }

  /** After everything was healed: somebody leads and writes, and readers come up to where the log ended then. */
  async #showLife(): Promise<void> {
    const readers = this.#of('reader');
    for (const child of readers) if (!child.isRunning) child.begin();
    await this.#withinLife();
    for (const child of [...this.#of('writer'), ...this.#of('control')]) {
      child.signal('SIGTERM');
      await this.#within(`the end of ${child.name}`, () => !child.isRunning);
      await child.kill();
    }
    const { length } = await this.#readLog();
    for (const child of readers) {
      await this.#within(child.name, () => sawOf(child) >= length || hasDiverged(child));
      if (!child.isRunning && !hasDiverged(child)) this.#complaints.push(`${child.name} ended`);
      await child.kill();
    }
  }

  async #conclude(faults: readonly Fault[]): Promise<ChaosResult> {
    const log = await this.#readLog();
    const children = [...this.#children.values()];
    const journals = new Map(
      children.filter(({ role }) => role !== 'control').flatMap((child) => [...child.allEntries()]),
    );
    for (const { name, said } of children) if (said !== '') this.#complaints.push(`${name} said: ${said}`);
    const control = await this.#controlResult();
    return { faults, log, journals, verdict: judge(log, journals), control, complaints: this.#complaints };
  }

  async #controlResult(): Promise<ControlResult> {
    const found = await readRaw(this.#arena.servers.address);
    const there = new Set(found);
    const all = this.#childOf('control').allEntries();
    const acknowledged = all.flatMap(([name, entries]) =>
      entries.flatMap((entry) => (entry.kind === 'acknowledged' ? [`${name}:${entry.number}`] : [])),
    );
    const unknown = all.flatMap(([, entries]) => entries.filter(({ kind }) => kind === 'unknown')).length;
    const missing = acknowledged.filter((text) => !there.has(text));
    return { acknowledged: acknowledged.length, unknown, missing, doubled: found.length - there.size };
  }

  async #readLog(): Promise<readonly Found[]> {
    const env = await openHostEnv();
    try {
      return await untilDone('reading the log', () => readAll(env, this.#arena.servers.address));
    } finally {
      await env.close();
    }
  }

  /** Somebody is acknowledged something, and so is the control. */
  async #withinLife(): Promise<void> {
    for (const role of ['writer', 'control'] as const) {
      const since = new Map(this.#of(role).map((child) => [child, lastNumber(child)]));
      const isAlive = (): boolean => [...since].some(([child, number]) => lastNumber(child) > number);
      const isOver = (): boolean => this.#of(role).every((child) => !child.isRunning);
      await this.#within(`a ${role}`, () => isAlive() || isOver());
    }
  }

  async #within(who: string, shows: () => boolean): Promise<void> {
    const startedAt = performance.now();
    while (!shows()) {
      if (performance.now() - startedAt > healedMsMax) {
        this.#complaints.push(`${who} shows no life within ${healedMsMax / 1_000} s, and nothing stands in its way`);
        return;
      }
      await sleep(100);
    }
  }

  #of(role: Role): readonly Child[] {
    return [...this.#children.values()].filter((child) => child.role === role);
  }

  #childOf(name: string): Child {
    const child = this.#children.get(name);
    if (child === undefined) throw new Error(`there is no '${name}'`);
    return child;
  }
}

/** Of a writer or the control: the last number that was acknowledged. A new incarnation counts as new. */
function lastNumber(child: Child): number {
  const last = child.newestEntries().findLast((entry) => entry.kind === 'acknowledged');
  return last?.kind === 'acknowledged' ? last.number : 0;
}

function sawOf(child: Child): number {
  const last = child.newestEntries().findLast((entry) => entry.kind === 'saw');
  return last?.kind === 'saw' ? last.position : 0;
}

const hasDiverged = (child: Child): boolean => child.newestEntries().some(({ kind }) => kind === 'diverged');

/** The servers are whole again, and may still be finding together. */
async function untilDone<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (cause) {
      if (performance.now() - startedAt > healedMsMax) throw new Error(`${what} does not work`, { cause });
      await sleep(250);
    }
  }
}

/** From a process that had no part in it, past all proxies. */
async function readAll(env: HostEnv, address: Address): Promise<readonly Found[]> {
  const engine = await sourceOf(address).open(env);
  try {
    const log = await engine.open(logName, { create: false });
    const found: Found[] = [];
    if (log === null) return found;
    const tail = await log.tail();
    if (tail === 0) return found;
    for await (const batch of log.read(beforeFirst)) {
      if (batch.kind !== 'records') throw new Error(`the log is not whole: ${JSON.stringify(batch)}`);
      for (const record of batch.records) {
        const { position, epoch, sequence, chain } = record;
        const said = isClaim(record) ? { name: ownerOf(record), number: null } : decodePayload(record.payload);
        found.push({ position, epoch, sequence, chain, ...said });
      }
      if ((found.at(-1)?.position ?? 0) >= tail) break;
    }
    return found;
  } finally {
    await engine.close();
  }
}

/**
 * One chaos of partitions from beginning to end: nodes that open the same partitions over servers or over a directory of
 * logs, clients of all kinds, the faults of a schedule; then everything healed, signs of life, and the judge.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { type HostEnv, openHostEnv } from '../../../src/os/env.ts';
import { freePorts } from '../../servers/free-ports.ts';
import { startTcpProxy, type TcpProxy } from '../../servers/tcp-proxy.ts';
import { Arena, hurtProxy } from '../engines/arena.ts';
import { inflict } from '../engines/inflict.ts';
import { type Fault, printFault, scheduleOf } from '../engines/schedule.ts';
import { startServers } from '../engines/servers.ts';
import type { EngineName } from '../engines/sources.ts';
import { Client, type NodePlace } from './client.ts';
import { bankClient, type ClientWork, keyClient, leaseClient, listClient, sendClient, timerClient } from './clients.ts';
import { readDigests, readNotes, settle } from './ending.ts';
import { judge, type Verdict } from './judge.ts';
import { NodeProcess } from './node-process.ts';
import type { NodeOrder } from './node.ts';
import { places } from './requests.ts';
import { Witness } from './witness.ts';

export type Over = 'file' | EngineName;

export interface PartitionChaosOptions {
  readonly over: Over;
  readonly seed: string;
  /** From the first fault to the end of the last. */
  readonly faultsMs: number;
  readonly onLine: (line: string) => void;
  /** Default: drawn from the seed. */
  readonly faults?: readonly Fault[] | undefined;
  /** So often the nodes are killed in turn, each once it has answered for a while, instead of any other fault. */
  readonly restarts?: number | undefined;
  /** Clients go on after the last fault until each of these was counted, so that a slow machine judges as much. Default: none. */
  readonly untilCounted?: readonly string[] | undefined;
  /** Default 3. One alone trims its logs. */
  readonly nodeCount?: number | undefined;
  /** Where the pages of counterexamples are written, if there are any. Default: the current directory. */
  readonly reports?: string | undefined;
}

export interface PartitionChaosResult {
  readonly faults: readonly Fault[];
  readonly verdict: Verdict;
  readonly counts: ReadonlyMap<string, number>;
  /** The longest time in which nobody was acknowledged anything. */
  readonly silenceMs: number;
  /** After each restart that was asked for, how long it took until a client was acknowledged something, the process' start included. */
  readonly readyMs: readonly number[];
  readonly nodes: readonly { readonly name: string; readonly lives: number; readonly ownEnds: number }[];
  /** What a node said that should be silent, what did not come back to life, states that differ. */
  readonly complaints: readonly string[];
}

const warmUpMs = 500;
/** Everything is healed: whoever takes longer to show life is stuck. */
const healedMsMax = 45_000;
/** So long clients work on the same keys and lists. */
const phaseMs = 3_000;
const keysAtATime = 3;
const wayTo = 'way to ';
/** A node is killed after so many acknowledgements, or fewer. */
const restartAfterMax = 150;

export async function runPartitionChaos(options: PartitionChaosOptions): Promise<PartitionChaosResult> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-partition-chaos-'));
  const { over } = options;
  const arena = over === 'file' ? null : new Arena(await startServers(over));
  const env = await openHostEnv();
  const chaos = new PartitionChaos(arena, env, folder, options);
  let result: PartitionChaosResult | null = null;
  try {
    result = await chaos.run();
  } finally {
    await chaos.close();
    await env.close();
    if (result !== null && result.verdict.problems.length + result.complaints.length === 0)
      rmSync(folder, { recursive: true });
    else options.onLine(`left as it is: ${folder}`);
  }
  const { reports = '.' } = options;
  for (const { file, html } of result.verdict.counterexamples) {
    mkdirSync(reports, { recursive: true });
    writeFileSync(join(reports, `chaos-partition-${over}-${file}`), html);
    options.onLine(`written: ${join(reports, `chaos-partition-${over}-${file}`)}`);
  }
  return result;
}

class PartitionChaos {
  readonly #arena: Arena | null;
  readonly #env: HostEnv;
  readonly #folder: string;
  readonly #options: PartitionChaosOptions;
  readonly #names: readonly string[];
  readonly #nodes = new Map<string, NodeProcess>();
  readonly #ways = new Map<string, TcpProxy>();
  readonly #witness = new Witness();
  readonly #complaints: string[] = [];
  readonly #readyMs: number[] = [];
  #isEnough = false;

  constructor(arena: Arena | null, env: HostEnv, folder: string, options: PartitionChaosOptions) {
    this.#arena = arena;
    this.#env = env;
    this.#folder = folder;
    this.#options = options;
    this.#names = Array.from({ length: options.nodeCount ?? 3 }, (_, index) => `node-${index + 1}`);
  }

  async run(): Promise<PartitionChaosResult> {
    const { seed, faultsMs, restarts = 0, untilCounted = [], onLine } = this.#options;
    await this.#startNodes();
    const clients = this.#startClients();
    await this.#withinLife();
    const ways = this.#names.map((name) => `${wayTo}${name}`);
    const victims = {
      processes: this.#names,
      clients: this.#arena === null ? ways : [...this.#names, ...ways],
      nodeCount: this.#arena?.servers.nodes.length ?? 0,
    };
    const drawn = (): readonly Fault[] => scheduleOf(seed, victims, warmUpMs, warmUpMs + faultsMs);
    const faults = restarts > 0 ? [] : (this.#options.faults ?? drawn());
    for (const fault of faults) onLine(printFault(fault));
    await this.#restartInTurn(new SeededRandom(`${seed} restarts`), restarts);
    await inflict(
      {
        victim: (name) => found(this.#nodes, name),
        hurtNetwork: (fault) => this.#hurtNetwork(fault),
        healNetwork: (target) => this.#healNetwork(target),
        serversOf: (fault) => this.#arena?.victimsOf(fault) ?? [],
      },
      faults,
    );
    await this.#withinLife();
    const isCounted = (what: string): boolean => this.#witness.countOf(what) > 0;
    await this.#within('one kind of client', async () => untilCounted.every(isCounted));
    this.#isEnough = true;
    await Promise.all(clients);
    return this.#conclude(faults);
  }

  async close(): Promise<void> {
    this.#isEnough = true;
    for (const node of this.#nodes.values()) await node.close();
    for (const way of this.#ways.values()) await way.close();
    await this.#arena?.close();
  }

  async #startNodes(): Promise<void> {
    const ports = await freePorts(this.#names.length);
    for (const [index, name] of this.#names.entries()) this.#ways.set(name, await startTcpProxy(ports[index] ?? 0));
    for (const [index, name] of this.#names.entries()) {
      const others = this.#names.filter((one) => one !== name).map((one) => [one, found(this.#ways, one).port]);
      const logs: NodeOrder['logs'] =
        this.#arena === null
          ? { engine: 'file', directory: join(this.#folder, 'logs') }
          : await this.#arena.addressFor(name);
      const order: NodeOrder = {
        name,
        directory: join(this.#folder, name),
        logs,
        port: ports[index] ?? 0,
        others: Object.fromEntries(others) as Record<string, number>,
        trims: this.#names.length === 1,
        keyPlaces: this.#keyPlaces,
      };
      const node = new NodeProcess(order);
      this.#nodes.set(name, node);
      node.begin();
    }
  }

  #startClients(): readonly Promise<void>[] {
    const startedAt = performance.now();
    const phase = (): number => Math.floor((performance.now() - startedAt) / phaseMs);
    const pick = (draw: number): number => Math.floor(draw * keysAtATime);
    const keyNow = (draw: number): string =>
      this.#keyPlaces[(phase() * keysAtATime + pick(draw)) % this.#keyPlaces.length] ?? '';
    const listNow = (draw: number): string => `list-${phase()}-${pick(draw)}`;
    const works: readonly ClientWork[] = [
      keyClient(keyNow),
      keyClient(keyNow),
      keyClient(keyNow),
      listClient(listNow),
      listClient(listNow),
      bankClient,
      leaseClient(),
      leaseClient(),
      leaseClient(),
      timerClient(),
      sendClient(),
      sendClient(),
    ];
    return works.map((work, index) => this.#work(this.#client(`client-${index + 1}`), work));
  }

  async #work(client: Client, work: ClientWork): Promise<void> {
    await client.command(places.bank, { kind: 'endow' });
    while (!this.#isEnough) await work(client);
  }

  #client(name: string): Client {
    const nodes = this.#names.map((one): NodePlace => ({
      name: one,
      address: `127.0.0.1:${found(this.#ways, one).port}`,
    }));
    const random = new SeededRandom(`${this.#options.seed} ${name}`);
    return new Client({ env: this.#env, name, nodes, random, witness: this.#witness });
  }

  /** As many as are needed from the first fault to the last sign of life. */
  get #keyPlaces(): readonly string[] {
    const phases = Math.ceil((warmUpMs + this.#options.faultsMs + 2 * healedMsMax) / phaseMs);
    return Array.from({ length: phases * keysAtATime }, (_, index) => `key-${index}`);
  }

  async #restartInTurn(random: SeededRandom, count: number): Promise<void> {
    const nodes = [...this.#nodes.values()];
    for (let restart = 0; restart < count; restart++) {
      const node = nodes[restart % nodes.length] as NodeProcess;
      const enough = this.#witness.countOf('acknowledged') + 1 + random.below(restartAfterMax);
      await this.#within('a client', async () => this.#witness.countOf('acknowledged') >= enough, 1);
      await node.kill();
      const before = this.#witness.countOf('acknowledged');
      const startedAt = performance.now();
      node.begin();
      await this.#within('a client', async () => this.#witness.countOf('acknowledged') > before, 1);
      this.#readyMs.push(performance.now() - startedAt);
    }
  }

  #hurtNetwork(fault: Fault): void {
    const { target } = fault;
    if (target.startsWith(wayTo)) hurtProxy(found(this.#ways, target.slice(wayTo.length)), fault);
    else this.#arena?.hurtNetwork(fault);
  }

  #healNetwork(target: string): void {
    if (target.startsWith(wayTo)) found(this.#ways, target.slice(wayTo.length)).heal();
    else this.#arena?.healNetwork(target);
  }

  /** Somebody is acknowledged something. */
  async #withinLife(): Promise<void> {
    const before = this.#witness.countOf('acknowledged');
    await this.#within('a client', async () => this.#witness.countOf('acknowledged') > before + 3);
  }

  async #within(who: string, shows: () => Promise<boolean>, everyMs = 100): Promise<void> {
    const startedAt = performance.now();
    while (!(await shows())) {
      if (performance.now() - startedAt > healedMsMax) {
        this.#complaints.push(`${who} shows no life within ${healedMsMax / 1_000} s, and nothing stands in its way`);
        return;
      }
      await this.#env.sleep(`${everyMs}ms`);
    }
  }

  async #conclude(faults: readonly Fault[]): Promise<PartitionChaosResult> {
    const client = this.#client('judge');
    await this.#within('what is on its way', () => settle(client, this.#witness));
    // Over a directory of logs the others read them only once they have it.
    if (this.#arena !== null)
      await this.#within('one of the nodes', async () => {
        const digests = await readDigests(client, this.#names.length);
        if (digests.problem !== null) this.#complaints.push(digests.problem);
        return digests.areOfOneRevision;
      });
    const notes = await readNotes(client); // last of all: whatever runs after it is not in it
    const nodes = [...this.#nodes.values()];
    for (const { name, said } of nodes) if (said !== '') this.#complaints.push(`${name} said: ${said}`);
    for (const { name, told } of nodes)
      for (const line of told.split('\n')) if (isStrange(line)) this.#complaints.push(`${name} ${line}`);
    const { counts, silenceMs } = this.#witness;
    const verdict = judge(this.#witness, notes);
    const lives = nodes.map(({ name, lives: count, ownEnds }) => ({ name, lives: count, ownEnds }));
    const readyMs = this.#readyMs;
    return { faults, verdict, counts, silenceMs, readyMs, nodes: lives, complaints: this.#complaints };
  }
}

/** Who was taken over from, or could not reach its servers for too long, ends and is started again; nothing else ends. */
const isStrange = (line: string): boolean => line !== '' && !/^ended (in-use|unavailable|unknown) /.test(line);

function found<T>(all: ReadonlyMap<string, T>, name: string): T {
  const one = all.get(name);
  if (one === undefined) throw new Error(`there is no '${name}'`);
  return one;
}

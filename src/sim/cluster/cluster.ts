/**
 * An app whole in a simulated world: nodes that contend for its partitions, each on a machine of its own, over logs that
 * are a service on another; and connections to them.
 */
import type { Env } from '../../env/env.ts';
import type { NodeAddress } from '../../env/network.ts';
import type { Duration } from '../../kernel/time.ts';
import { MemoryStores } from '../../log/memory.ts';
import type { LogEngine } from '../../log/port.ts';
import { storeEngine } from '../../log/store-engine.ts';
import type { App } from '../../machine/app.ts';
import type { Connection } from '../../machine/connection.ts';
import type { AnyMachine } from '../../machine/definition.ts';
import type { LockstepNode } from '../../node/node.ts';
import type { NodeOptions } from '../../node/open.ts';
import { Waits, type Wait } from '../../observe/waits.ts';
import type { PartitionStatus } from '../../partition/partition-status.ts';
import { Crashed } from '../crashed.ts';
import type { Run } from '../run.ts';
import type { RunOptions, World } from '../world.ts';
import type { WebHandler } from '../web.ts';
import type { AppWorld } from './app-world.ts';
import { ClusterConnection, type ClusterNode } from './connection.ts';
import { logService, remoteStores, type LogClientOptions } from './log-service.ts';
import { quickSettings, serveNode, transportTo } from './node-process.ts';

export interface ClusterOptions {
  readonly app: (env: Env) => App<unknown>;
  readonly nodes: number;
  readonly partitions: number;
}

export const logAddress: NodeAddress = 'logs:1';
const logConfig = { silenceMs: 300, pauseMsMax: 150, attemptMsMax: 400, settleMsMax: 1_500 };

/** Logs that are kept by a service, so that who leads is cut off in about a second. */
export function remoteEngine(env: Env, options: LogClientOptions): LogEngine {
  return storeEngine(env, remoteStores(env, logAddress, options), { config: logConfig });
}

/** One incarnation of a node that is open. */
interface Open {
  readonly env: Env;
  readonly node: LockstepNode;
}

const stillForMs = 1_000;
/** Runs are short and many: what is reserved at the start costs more than what is flushed later. */
const smallTree = { memtableBytes: 64 * 1024, cacheBytes: 256 * 1024 };

export class Cluster implements AppWorld {
  readonly nodes: readonly string[];
  readonly #world: Run;
  readonly #members: readonly ClusterNode[];
  readonly #partitions: number;
  readonly #open = new Map<string, Open>();
  readonly #waits = new Map<Env, Waits>();
  /** The env of the service that begins right now: what it connects is in its process. */
  #beginning: Env | null = null;
  #clientCount = 0;

  constructor(world: Run, { app, nodes, partitions }: ClusterOptions) {
    this.#world = world;
    this.#partitions = partitions;
    this.#members = Array.from({ length: nodes }, (_, index): ClusterNode => {
      const name = `node-${index + 1}`;
      return { name, address: `${name}:1` };
    });
    this.nodes = this.#members.map(({ name }) => name);
    const kept = new MemoryStores();
    void world.run('logs', (env) => logService(env, logAddress, kept));
    for (const member of this.#members) {
      const options = (env: Env): NodeOptions => this.#optionsOf(env, member);
      const onOpen = (env: Env, node: LockstepNode): void => void this.#open.set(member.name, { env, node });
      void world.run(member.name, (env) => serveNode(env, { address: member.address, app, options, onOpen }));
    }
  }

  get seed(): number {
    return this.#world.seed;
  }

  get random(): World['random'] {
    return this.#world.random;
  }

  get nowMs(): number {
    return this.#world.nowMs;
  }

  get beneath(): World {
    return this.#world;
  }

  run<T>(name: string, service: (env: Env) => Promise<T>, options?: RunOptions): Promise<T> {
    return this.#world.run(name, (env) => this.#begin(env, service), options);
  }

  serve(host: string, handler: WebHandler, options?: RunOptions): void {
    this.#world.serve(host, handler, options);
  }

  connect(): Connection {
    const env = this.#beginning === null ? this.#clientEnv() : Promise.resolve(this.#beginning);
    return new ClusterConnection(env, (one) => this.#waitsOf(one), {
      nodes: this.#members,
      partitions: this.#partitions,
    });
  }

  async leaderOf(machine: AnyMachine, key: string): Promise<string> {
    let leader: string | null = null;
    const find = (): boolean => {
      const [first] = this.#living();
      leader = first === undefined ? null : this.#leader(first.node.partitions.indexOf(key));
      return leader !== null;
    };
    await this.#lookUntil(
      () => `somebody leads the partition of ${machine.name}/${key}${this.#whatWaits()}`,
      find,
      '60s',
    );
    return leader ?? this.leaderOf(machine, key);
  }

  isolate(node: string): void {
    this.#world.isolate(node);
  }

  crash(node: string): void {
    this.#world.crash(node);
  }

  heal(): void {
    this.#world.heal();
  }

  sleep(duration: Duration): Promise<void> {
    return this.#world.sleep(duration);
  }

  until(...what: Parameters<World['until']>): Promise<void> {
    return this.#world.until(...what);
  }

  always(claim: string, check: () => boolean): void {
    this.#world.always(claim, check);
  }

  fail(claim: string): never {
    return this.#world.fail(claim);
  }

  async settle({ within = '60s' }: { readonly within?: Duration } = {}): Promise<void> {
    const world = this.#world;
    world.heal();
    const { clockOffMsMax, clockJumpEveryMs, clockJumpMsMax } = world.weather;
    // What was due a moment later by a clock that was ahead is due so much later by one that is right.
    const stillMs = stillForMs + clockOffMsMax + (clockJumpEveryMs === Infinity ? 0 : clockJumpMsMax);
    let seen = '';
    let sinceMs = world.nowMs;
    const isStill = (): boolean => {
      const now = this.#standing();
      if (now !== seen || now === '') {
        seen = now;
        sinceMs = world.nowMs;
      }
      return world.nowMs - sinceMs >= stillMs;
    };
    await this.#lookUntil(() => `nothing moves${this.#whatWaits()}`, isStill, within);
  }

  /** Looks now and then: a look at all nodes takes longer than an event. */
  async #lookUntil(claim: () => string, holds: () => boolean, within: Duration): Promise<void> {
    let isHeld = false;
    const held = this.#world.until(claim, () => isHeld, { within });
    while (!(isHeld = holds())) await this.#world.sleep('20ms');
    await held;
  }

  #optionsOf(env: Env, { name }: ClusterNode): NodeOptions {
    const others = this.#members.filter((one) => one.name !== name).map(({ address }) => address);
    return {
      engine: remoteEngine(env, { payloadBytesMax: 1024 * 1024, resendCount: 1, doubled: doubledSometimes }),
      directory: 'state',
      owner: name,
      partitions: this.#partitions,
      waits: this.#waitsOf(env),
      transport: transportTo(env, others),
      trims: others.length === 0, // others may need what was trimmed
      openWithinMs: 5_000,
      settings: quickSettings,
      channels: { deliverMs: 1_000, pauseMsMax: 200 },
      tree: smallTree,
    };
  }

  #begin<T>(env: Env, service: (env: Env) => Promise<T>): Promise<T> {
    this.#beginning = env;
    try {
      return service(env);
    } finally {
      this.#beginning = null;
    }
  }

  #clientEnv(): Promise<Env> {
    const { promise, resolve } = Promise.withResolvers<Env>();
    const serve = (env: Env): Promise<never> => {
      resolve(env);
      return new Promise(() => {});
    };
    void this.#world.run(`client-${++this.#clientCount}`, serve, { steady: true });
    return promise;
  }

  #waitsOf(env: Env): Waits {
    const known = this.#waits.get(env) ?? new Waits(env.clock, env.timers);
    this.#waits.set(env, known);
    return known;
  }

  /** Nodes that are open, and whose process lives. */
  #living(): readonly (Open & { readonly name: string })[] {
    return [...this.#open].flatMap(([name, open]) => (lives(open.env) ? [{ name, ...open }] : []));
  }

  #leader(index: number): string | null {
    let found: { readonly name: string; readonly epoch: number } | null = null;
    for (const { name, node } of this.#living()) {
      const { kind, epoch } = node.partitions.at(index).status;
      if (kind === 'leading' && epoch !== null && epoch > (found?.epoch ?? 0)) found = { name, epoch };
    }
    return found?.name ?? null;
  }

  /** Where all nodes are, as a text; empty while they are not all there, or something is on its way. */
  #standing(): string {
    const living = this.#living();
    if (living.length < this.#members.length) return '';
    if (this.#waiting().some(({ what }) => onTheirWay.has(what))) return '';
    const revisions: number[] = [];
    for (let index = 0; index < this.#partitions; index++) {
      const all = living.map(({ node }): PartitionStatus => node.partitions.at(index).status);
      const [{ revision } = { revision: 0 }] = all;
      if (all.some((one) => one.revision !== revision)) return '';
      revisions.push(revision);
    }
    return revisions.join();
  }

  #waiting(): readonly Wait[] {
    return [...this.#waits].flatMap(([env, waits]) => (waits.count > 0 && lives(env) ? waits.explain() : []));
  }

  #whatWaits(): string {
    const closed = this.nodes.filter((name) => !this.#living().some((one) => one.name === name));
    const lines = [...closed.map((name) => `${name} is not open`), ...this.#waiting().map(textOf)];
    return lines.map((line) => `\n  ${line}`).join('');
  }
}

const doubledSometimes = { probability: 0.05, laterMsMax: 500 };

/** What waits for these has not come to its end: commands, and messages that were not taken yet. */
const onTheirWay: ReadonlySet<string> = new Set(['command', 'channel']);

const textOf = ({ what, key, waitsFor, heldBy }: Wait): string =>
  `${what} ${key} waits for ${waitsFor}${heldBy === null ? '' : `, held by ${heldBy}`}`;

/** Whoever crashed has no clock. */
function lives({ clock }: Env): boolean {
  try {
    clock.now();
    return true;
  } catch (error) {
    if (error instanceof Crashed) return false;
    throw error;
  }
}

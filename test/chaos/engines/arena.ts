/**
 * The servers of a chaos and the ways to them: each client reaches every server through a proxy of its own, so that
 * its connections can be hurt while others' are whole.
 */
import { startTcpProxy, type TcpProxy } from '../../servers/tcp-proxy.ts';
import type { Fault } from './schedule.ts';
import type { Address } from './sources.ts';

/** A server process that can be hurt. */
export interface ChaosNode {
  kill(): Promise<void>;
  /** Again with its data, on its port. Resolves once the process is there; it may take longer to answer. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface Servers {
  readonly nodes: readonly ChaosNode[];
  /** Where they are, past all proxies. */
  readonly address: Address;
  /** The same through other ports, in the order of `nodes`. */
  addressAt(ports: readonly number[]): Address;
  readonly ports: readonly number[];
  /** How many copies of a record there are. */
  readonly replicas: number;
  close(): Promise<void>;
}

export class Arena {
  readonly servers: Servers;
  readonly #proxies = new Map<string, readonly TcpProxy[]>();

  constructor(servers: Servers) {
    this.servers = servers;
  }

  async addressFor(client: string): Promise<Address> {
    const proxies: TcpProxy[] = [];
    for (const port of this.servers.ports) proxies.push(await startTcpProxy(port));
    this.#proxies.set(client, proxies);
    return this.servers.addressAt(proxies.map(({ port }) => port));
  }

  /** Hurts the connections of one client. */
  hurtNetwork(fault: Fault): void {
    for (const proxy of this.#proxiesOf(fault.target)) hurtProxy(proxy, fault);
  }

  healNetwork(client: string): void {
    for (const proxy of this.#proxiesOf(client)) proxy.heal();
  }

  /** The nodes that a fault is about: for a majority the target and those that follow it. */
  victimsOf({ kind, target }: Fault): readonly ChaosNode[] {
    const { nodes } = this.servers;
    const count = kind === 'kill-all' ? nodes.length : kind === 'kill-majority' ? (nodes.length >> 1) + 1 : 1;
    return Array.from({ length: count }, (_, index) => nodes[(Number(target) + index) % nodes.length] as ChaosNode);
  }

  async close(): Promise<void> {
    for (const proxies of this.#proxies.values()) for (const proxy of proxies) await proxy.close();
    await this.servers.close();
  }

  #proxiesOf(client: string): readonly TcpProxy[] {
    const proxies = this.#proxies.get(client);
    if (proxies === undefined) throw new Error(`'${client}' has no way to the servers`);
    return proxies;
  }
}

/** Does to all connections through a proxy what a fault of the network says. */
export function hurtProxy(proxy: TcpProxy, { kind, direction, delayMs }: Fault): void {
  if (kind === 'cut') proxy.cut();
  if (kind === 'refuse') {
    proxy.refuse();
    proxy.cut();
  }
  if (kind === 'delay') proxy.delay(direction, delayMs);
  if (kind === 'black-hole') proxy.blackHole(direction);
}

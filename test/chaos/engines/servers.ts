/** The servers of either engine as a chaos sees them. */
import { startNats } from '../../servers/nats.ts';
import { startPostgres } from '../../servers/postgres.ts';
import { programOf } from '../../servers/needs.ts';
import type { ChaosNode, Servers } from './arena.ts';
import type { Address, EngineName } from './sources.ts';

/** Three of them, so that a majority can be lost. */
async function natsServers(program: string): Promise<Servers> {
  const cluster = await startNats(program, { count: 3 });
  return {
    nodes: cluster.nodes,
    ports: cluster.nodes.map(({ port }) => port),
    address: { engine: 'nats', ports: cluster.nodes.map(({ port }) => port) },
    addressAt: (ports) => ({ engine: 'nats', ports }),
    replicas: 3,
    close: () => cluster.stop(),
  };
}

/** One, synced as in production. A kill takes all of its processes. */
async function postgresServers(program: string): Promise<Servers> {
  const server = await startPostgres(program);
  const addressAt = ([port = server.port]: readonly number[]): Address => {
    return { engine: 'postgres', port, user: 'postgres', database: 'postgres' };
  };
  const node: ChaosNode = {
    kill: () => server.kill(),
    start: () => server.restart(),
    pause: () => server.pause(),
    resume: () => server.resume(),
  };
  return {
    nodes: [node],
    ports: [server.port],
    address: addressAt([]),
    addressAt,
    replicas: 1,
    close: () => server.stop(),
  };
}

export const engineNames: readonly EngineName[] = ['postgres', 'nats'];

/** @throws Error where the engine's program is missing. */
export async function startServers(engine: EngineName): Promise<Servers> {
  const program = programOf(programNames[engine]);
  if (program === null) throw new Error(`${programNames[engine]} is not installed`);
  return engine === 'nats' ? natsServers(program) : postgresServers(program);
}

export const programNames: Readonly<Record<EngineName, string>> = { postgres: 'postgresql', nats: 'nats-server' };

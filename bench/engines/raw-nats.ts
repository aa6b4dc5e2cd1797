/**
 * JetStream through its own client: a publish each, acknowledged. The client is connected to the stream's leader, so
 * that no message takes a way through another server; the same is done for our streams.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Side } from '../harness.ts';
import { type Load, runLoad } from '../log/load.ts';
import { type NatsCopies, natsServers } from './servers.ts';

const stream = 'raw';
const subject = 'raw.entries';
const waitMsMax = 30_000;

export const rawNatsName = (copies: NatsCopies): string => `raw JetStream R${copies}`;

export function rawNats(copies: NatsCopies, load: Load): Side {
  natsServers[copies].expect();
  return {
    name: rawNatsName(copies),
    durability: 'process',
    prepare: async () => {
      const { servers } = await natsServers[copies].take();
      const admin = await connect({ servers: [...servers] });
      const manager = await jetstreamManager(admin, { checkAPI: false });
      await patiently(() => manager.streams.add({ name: stream, subjects: [subject], num_replicas: copies }));
      const connection = await connect({ servers: await leaderOf(admin, stream, servers), noAsyncTraces: true });
      const client = jetstream(connection);
      const run = async () => {
        const done = await runLoad(load, (entry) => client.publish(subject, entry));
        const { state } = await manager.streams.info(stream);
        if (state.messages !== load.entries) throw new Error(`JetStream kept ${state.messages} of ${load.entries}`);
        await manager.streams.purge(stream);
        return done;
      };
      const close = async (): Promise<void> => {
        await manager.streams.delete(stream);
        await connection.close();
        await admin.close();
        await natsServers[copies].leave();
      };
      return { run, close };
    },
  };
}

/** The address of the server that leads a stream. Servers are named in the order of their addresses: `node-1`, … */
export async function leaderOf(connection: NatsConnection, name: string, servers: readonly string[]): Promise<string> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  return patiently(async () => {
    const { cluster } = await manager.streams.info(name);
    const leader = servers[Number(/^node-(\d+)$/.exec(cluster?.leader ?? '')?.[1]) - 1] ?? servers[0];
    if (leader === undefined || (servers.length > 1 && cluster?.leader === undefined))
      throw new Error(`the stream '${name}' has no leader`);
    return leader;
  });
}

/** Servers that have just started are still finding together. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (cause) {
      if (performance.now() - startedAt > waitMsMax) throw new Error('the servers did not come up', { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** How a process of the chaos reaches its engine: an address that fits into an argument, and what it opens. */
import type { LogConfig } from '../../../src/log/config.ts';
import { nats } from '../../../src/log/nats.ts';
import { postgres } from '../../../src/log/postgres.ts';
import type { LogSource } from '../../../src/log/source.ts';

export type EngineName = 'postgres' | 'nats';

/** Ports of the loopback: of PostgreSQL one, of NATS one a server. */
export type Address =
  | { readonly engine: 'postgres'; readonly port: number; readonly user: string; readonly database: string }
  | { readonly engine: 'nats'; readonly ports: readonly number[] };

/** Shorter than in use, so that much happens in a minute; in the same order of sizes. */
export const chaosConfig: Pick<LogConfig, 'silenceMs' | 'pauseMsMax' | 'settleMsMax' | 'attemptMsMax'> = {
  silenceMs: 1_200,
  pauseMsMax: 500,
  settleMsMax: 5_000,
  attemptMsMax: 1_000,
};

export const natsServers = ({ ports }: Extract<Address, { engine: 'nats' }>): readonly string[] =>
  ports.map((port) => `127.0.0.1:${port}`);

export function sourceOf(address: Address): LogSource {
  const config = chaosConfig;
  if (address.engine === 'nats') {
    const connect = { ignoreClusterUpdates: true }; // the way leads through the proxies
    return nats({ servers: natsServers(address), connect, config });
  }
  const { port, user, database } = address;
  return postgres({ connection: `postgres://${user}@127.0.0.1:${port}/${database}`, migrate: 'apply', config });
}

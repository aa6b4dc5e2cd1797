/**
 * `lockstep/log/nats`: logs in NATS JetStream, a stream each. An append is a publish on the condition that the stream
 * ends where the log does; readers follow by consumers in the servers' memory; a trim is a purge. Needs the package
 * `@nats-io/transport-node`, which is imported when an engine is opened. See docs/engines.md for what an
 * acknowledgement is worth: JetStream gives it before anything is synced.
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { logConfig, type LogConfig } from './config.ts';
import {
  JetStreamConnection,
  type NatsClient,
  type NatsConnection,
  type NatsHeaders,
  type NatsMessage,
  type NatsServerInfo,
} from './nats/connection.ts';
import { checkVersion, maxPayloadDefault, natsGuarantees, replicaCounts, type Replicas } from './nats/guarantees.ts';
import { Names } from './nats/settings.ts';
import { NatsStores } from './nats/stores.ts';
import { Streams } from './nats/stream.ts';
import type { LogEngine } from './port.ts';
import type { LogSource, LogSourceEnv } from './source.ts';
import { storeEngine } from './store-engine.ts';
import { persist } from './within.ts';

export { natsGuarantees };
export type { NatsConnection, NatsHeaders, NatsMessage, NatsServerInfo, Replicas };

export interface NatsOptions {
  /** A connection of the user's, who closes it. Without one, it is made from `servers` and `connect`, and closed. */
  readonly connection?: NatsConnection | undefined;
  /** Where the servers are: `host:port`, or several. Default `127.0.0.1:4222`. */
  readonly servers?: string | readonly string[] | undefined;
  /** What else the client's `connect` takes: user and password, token, TLS, authenticator. */
  readonly connect?: Readonly<Record<string, unknown>> | undefined;
  /** Of the streams that are made: 1, 3 or 5; what is found must have as many. Default 3 in a cluster, otherwise 1. */
  readonly replicas?: Replicas | undefined;
  /** Begins the names of streams and subjects; letters, digits, `-`, `_`, up to 32. Default `lockstep`. */
  readonly prefix?: string | undefined;
  /** The JetStream domain, when it is not the one of the server. */
  readonly domain?: string | undefined;
  /** Of the subjects on which answers arrive, for users who may not subscribe to all of `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
  readonly config?: Partial<LogConfig> | undefined;
}

/**
 * Logs in NATS JetStream. Nothing happens before `open`.
 * @throws LockstepError `misuse` for options that are none.
 */
export function nats(options: NatsOptions = {}): LogSource {
  const { prefix = 'lockstep', replicas, connection, servers, connect } = options;
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(prefix))
    throw new LockstepError('misuse', 'a prefix is 1 to 32 letters, digits, `-`, `_`', { values: { prefix } });
  if (replicas !== undefined && !replicaCounts.includes(replicas))
    throw new LockstepError('misuse', 'a stream has 1, 3 or 5 replicas', { values: { replicas } });
  if (connection !== undefined && (servers !== undefined || connect !== undefined))
    throw new LockstepError('misuse', 'a connection has its servers already: give one or the other');
  logConfig(options.config); // refuses now what would be refused later
  return { name: 'nats', open: (env) => open({ ...options, prefix }, env) };
}

type Options = NatsOptions & { readonly prefix: string };

async function open(options: Options, env: LogSourceEnv): Promise<LogEngine> {
  const client = await importClient();
  const connection = options.connection ?? (await connected(client, options));
  const close = async (): Promise<void> => {
    if (options.connection === undefined) await connection.close();
  };
  try {
    const { domain = null, inboxPrefix = null } = options;
    const jetStream = new JetStreamConnection(connection, client, { domain, inboxPrefix, timers: env.timers });
    const info = await persist(env, logConfig(options.config), 'a look at NATS', () => checked(connection, jetStream));
    const replicas = options.replicas ?? (info.cluster === undefined ? 1 : 3);
    const maxPayload = info.max_payload;
    const stores = new NatsStores({
      ports: env,
      streams: new Streams(jetStream, new Names(options.prefix)),
      replicas,
      guarantees: natsGuarantees(replicas, maxPayload, info.version),
      maxPayload: Math.min(maxPayload, 64 * maxPayloadDefault),
      close,
    });
    return storeEngine(env, stores, { config: options.config, waits: env.waits });
  } catch (error) {
    await close();
    throw error;
  }
}

async function importClient(): Promise<NatsClient> {
  try {
    return await import('@nats-io/transport-node');
  } catch (cause) {
    throw new LockstepError('misuse', 'logs in NATS need the package @nats-io/transport-node', {
      advice: ['npm install @nats-io/transport-node'],
      cause,
    });
  }
}

/** What suits an engine; the user's `connect` wins. A server that hangs is left for another within some seconds. */
const connectDefaults: Readonly<Record<string, unknown>> = {
  name: 'lockstep',
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  pingInterval: 1_500,
  maxPingOut: 2,
  timeout: 5_000,
  noAsyncTraces: true,
};

async function connected(client: NatsClient, options: Options): Promise<NatsConnection> {
  const { servers = '127.0.0.1:4222', inboxPrefix, connect } = options;
  const inbox = inboxPrefix === undefined ? {} : { inboxPrefix };
  try {
    return await client.connect({ ...connectDefaults, servers, ...inbox, ...connect });
  } catch (cause) {
    throw new LockstepError('unavailable', 'NATS cannot be reached', { values: { servers: String(servers) }, cause });
  }
}

/** The server we are connected to; of the others in its cluster nothing can be seen from here. */
async function checked(connection: NatsConnection, jetStream: JetStreamConnection): Promise<NatsServerInfo> {
  const { info } = connection;
  if (info === undefined) throw new LockstepError('unavailable', 'NATS is not connected');
  checkVersion(info.version);
  try {
    await jetStream.call('INFO', null, 'unavailable');
  } catch (cause) {
    // 10,039: not for this account. No answer from a server that has none: it is switched off.
    const forbidden = isLockstepError(cause) && cause.values['code'] === 10_039;
    if (info.jetstream === true && !forbidden) throw cause;
    throw new LockstepError('invalid', 'JetStream is not enabled', {
      values: { version: info.version },
      advice: ['start nats-server with `--jetstream` and a folder for its data, and enable it for the account'],
      cause,
    });
  }
  return info;
}

/** The engines' own clients at their plainest: one text at a time, acknowledged or not; and all that is there at the end. */
import { AckPolicy, DeliverPolicy, type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { type Address, natsServers } from './sources.ts';

export interface RawClient {
  /** A lane puts one after another; of several of one client each has its own connection where that is how it is used. */
  lane(): Lane;
}

export interface Lane {
  put(text: string): Promise<'acknowledged' | 'unknown'>;
}

const answerMsMax = 2_000;
const table = 'raw_control';
const stream = 'raw-control';
const subject = 'raw.control';

export function rawClient(address: Address): RawClient {
  if (address.engine === 'postgres') return { lane: () => new RowLane(address) };
  const connection = new Connection(address);
  return { lane: () => ({ put: (text) => connection.publish(text) }) };
}

/** Makes what the control writes to. */
export async function prepareRaw(address: Address, replicas: number): Promise<void> {
  if (address.engine === 'postgres') {
    await withRows(address, (client) => client.query(`create table ${table} (id text primary key)`));
    return;
  }
  await withStreams(address, async (connection) => {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: stream, subjects: [subject], num_replicas: replicas });
  });
}

/** Everything that was put and is there, as often as it is there. */
export function readRaw(address: Address): Promise<readonly string[]> {
  return address.engine === 'postgres' ? readRows(address) : readStream(address);
}

type PostgresAddress = Extract<Address, { engine: 'postgres' }>;
type NatsAddress = Extract<Address, { engine: 'nats' }>;

const clientOf = ({ port, user, database }: PostgresAddress): pg.Client =>
  new pg.Client({
    host: '127.0.0.1',
    port,
    user,
    database,
    connectionTimeoutMillis: answerMsMax,
    query_timeout: answerMsMax,
  });

/** One row a transaction, on a connection that is made anew after every failure. */
class RowLane implements Lane {
  readonly #address: PostgresAddress;
  #client: pg.Client | null = null;

  constructor(address: PostgresAddress) {
    this.#address = address;
  }

  async put(text: string): Promise<'acknowledged' | 'unknown'> {
    try {
      this.#client ??= await this.#connected();
      await this.#client.query(`insert into ${table} (id) values ($1)`, [text]);
      return 'acknowledged';
    } catch {
      // Whatever it was: the row may be there or not, which is all that a control has to know.
      this.#client?.end().catch(() => {});
      this.#client = null;
      return 'unknown';
    }
  }

  async #connected(): Promise<pg.Client> {
    const client = clientOf(this.#address);
    client.on('error', () => {}); // the next query meets it
    await client.connect();
    return client;
  }
}

async function withRows<T>(address: PostgresAddress, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = clientOf(address);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function readRows(address: PostgresAddress): Promise<readonly string[]> {
  const { rows } = await withRows(address, (client) => client.query<{ id: string }>(`select id from ${table}`));
  return rows.map(({ id }) => id);
}

class Connection {
  readonly #address: NatsAddress;
  #client: Promise<JetStreamClient> | null = null;
  #isOpen = false;

  constructor(address: NatsAddress) {
    this.#address = address;
  }

  async publish(text: string): Promise<'acknowledged' | 'unknown'> {
    try {
      this.#client ??= this.#open();
      const client = await this.#client;
      await client.publish(subject, text, { timeout: answerMsMax });
      return 'acknowledged';
    } catch {
      // As above. A connection that could not be made is made again; one that was lost reconnects by itself.
      if (!this.#isOpen) this.#client = null;
      return 'unknown';
    }
  }

  async #open(): Promise<JetStreamClient> {
    const connection = await openStreams(this.#address);
    this.#isOpen = true;
    return jetstream(connection);
  }
}

const openStreams = (address: NatsAddress): Promise<NatsConnection> =>
  connect({
    servers: [...natsServers(address)],
    ignoreClusterUpdates: true, // the way leads through the proxies
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 1_500,
    maxPingOut: 2,
  });

async function withStreams<T>(address: NatsAddress, work: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await openStreams(address);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

async function readStream(address: NatsAddress): Promise<readonly string[]> {
  return withStreams(address, async (connection) => {
    const manager = await jetstreamManager(connection);
    const { state } = await manager.streams.info(stream);
    const found: string[] = [];
    if (state.messages === 0) return found;
    const { name } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 60_000_000_000,
    });
    const consumer = await jetstream(connection).consumers.get(stream, name);
    for await (const message of await consumer.consume({ max_messages: 2_000 })) {
      found.push(message.string());
      if (message.seq >= state.last_seq) break;
    }
    return found;
  });
}

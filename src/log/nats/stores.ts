/** Logs in JetStream: a stream each, found by its name, with the log's id in its one subject. */
import { LockstepError } from '../../kernel/errors.ts';
import type { Guarantees, LogId } from '../port.ts';
import type { RecordStore, RecordStores } from '../store.ts';
import type { LogPorts } from '../within.ts';
import { checkStream, newStream } from './settings.ts';
import { NatsStore } from './store.ts';
import type { Streams, StreamSight } from './stream.ts';

export interface NatsStoresContext {
  readonly ports: LogPorts;
  readonly streams: Streams;
  readonly replicas: number;
  readonly guarantees: Guarantees;
  readonly maxPayload: number;
  /** Closes what was opened for it; nothing for a connection of the user's. */
  readonly close: () => Promise<void>;
}

export class NatsStores implements RecordStores {
  readonly name = 'nats';
  /** What the leader of a stream answers may be old: one that was deposed and does not know. */
  readonly reads = 'recent';
  readonly guarantees: Guarantees;
  readonly #context: NatsStoresContext;
  readonly #open = new Set<RecordStore>();

  constructor(context: NatsStoresContext) {
    this.guarantees = context.guarantees;
    this.#context = context;
  }

  async open(name: string, create: LogId | null): Promise<RecordStore | null> {
    const { streams, replicas } = this.#context;
    const stream = streams.names.stream(name);
    let sight = await streams.look(stream);
    if (sight === null && create !== null) {
      sight = await streams.make(newStream(streams.names, name, create, replicas));
      sight ??= await streams.look(stream); // somebody else was faster
      if (sight === null)
        throw new LockstepError('unavailable', 'a stream was made and removed', { values: { stream } });
    }
    return sight === null ? null : this.#store(stream, sight);
  }

  list(): Promise<readonly string[]> {
    return this.#context.streams.list();
  }

  async remove(name: string): Promise<'removed' | 'absent'> {
    const { streams } = this.#context;
    return streams.remove(streams.names.stream(name));
  }

  async close(): Promise<void> {
    for (const store of [...this.#open]) await store.close();
    await this.#context.close();
  }

  #store(stream: string, { config, id }: StreamSight): RecordStore {
    const { ports, streams, replicas, maxPayload } = this.#context;
    checkStream(config, replicas);
    if (id === null)
      throw new LockstepError('invalid', 'a stream has the name of a log, and its subject names none', {
        values: { stream, subject: config.subjects?.[0] ?? null },
        advice: ['choose another prefix, or remove the stream'],
      });
    const onClose = (): void => void this.#open.delete(store);
    const store: RecordStore = new NatsStore({ ports, streams, stream, id, maxPayload, onClose });
    this.#open.add(store);
    return store;
  }
}

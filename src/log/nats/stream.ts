/** One stream by JetStream's API: what is known of it, one message of it, what makes and removes it. */
import { LockstepError } from '../../kernel/errors.ts';
import { position } from '../coordinates.ts';
import type { LogId, Position } from '../port.ts';
import type { StoredBytes } from '../store.ts';
import type { JetStreamConnection } from './connection.ts';
import type { Names, StreamConfig } from './settings.ts';

const nameInUse = 10_058;
const streamNotFound = 10_059;
const messageNotFound = 10_037;

interface StreamAnswer {
  readonly config: StreamConfig;
  readonly state: { readonly first_seq: number; readonly last_seq: number; readonly messages: number };
}

export interface StreamSight {
  readonly config: StreamConfig;
  /** Of the log that it keeps; null when its subject names none. */
  readonly id: LogId | null;
  readonly first: Position;
  readonly last: Position;
}

export class Streams {
  readonly connection: JetStreamConnection;
  readonly names: Names;

  constructor(connection: JetStreamConnection, names: Names) {
    this.connection = connection;
    this.names = names;
  }

  /** Null when there is none of this name. */
  async look(stream: string): Promise<StreamSight | null> {
    const answer = await this.connection.call<StreamAnswer>(`STREAM.INFO.${stream}`, null, 'unavailable', [
      streamNotFound,
    ]);
    return answer.kind === 'done' ? this.#sight(answer.value) : null;
  }

  /** Null when there is one already. */
  async make(config: StreamConfig): Promise<StreamSight | null> {
    const path = `STREAM.CREATE.${config.name}`;
    const answer = await this.connection.call<StreamAnswer>(path, config, 'unknown', [nameInUse]);
    return answer.kind === 'done' ? this.#sight(answer.value) : null;
  }

  async remove(stream: string): Promise<'removed' | 'absent'> {
    const answer = await this.connection.call(`STREAM.DELETE.${stream}`, null, 'unknown', [streamNotFound]);
    return answer.kind === 'done' ? 'removed' : 'absent';
  }

  /** Lets go of what is before `first`; the numbering goes on. */
  async purge(stream: string, first: Position): Promise<void> {
    await this.connection.call(`STREAM.PURGE.${stream}`, { seq: first }, 'unavailable', [streamNotFound]);
  }

  /** The message at a position, from the stream's leader; `other` when the stream keeps another log. */
  async message(stream: string, subject: string, at: Position): Promise<StoredBytes | 'none' | 'other'> {
    interface Answer {
      readonly message: { readonly subject: string; readonly seq: number; readonly data?: string };
    }
    const expected = [messageNotFound, streamNotFound];
    const path = `STREAM.MSG.GET.${stream}`;
    const answer = await this.connection.call<Answer>(path, { seq: at }, 'unavailable', expected);
    if (answer.kind === 'refused') return answer.refusal.err_code === streamNotFound ? 'other' : 'none';
    const { message } = answer.value;
    if (message.subject !== subject) return 'other';
    const text = atob(message.data ?? '');
    return { position: position(message.seq), bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)) };
  }

  /** The names of the logs that are there, in order. */
  async list(): Promise<readonly string[]> {
    interface Answer {
      readonly streams?: readonly string[] | null;
      readonly total: number;
    }
    const logs = new Set<string>();
    const subject = this.names.subject('*');
    for (let offset = 0; ;) {
      const answer = await this.connection.call<Answer>('STREAM.NAMES', { subject, offset }, 'unavailable');
      if (answer.kind === 'refused') throw new LockstepError('unavailable', 'streams could not be listed');
      const streams = answer.value.streams ?? [];
      for (const stream of streams) {
        const log = this.names.log(stream);
        if (log !== null) logs.add(log);
      }
      offset += streams.length;
      if (streams.length === 0 || offset >= answer.value.total) return [...logs].toSorted();
    }
  }

  #sight({ config, state }: StreamAnswer): StreamSight {
    const [subject] = config.subjects ?? [];
    const id = subject === undefined ? null : this.names.id(subject);
    return { config, id, first: position(Math.max(1, state.first_seq)), last: position(state.last_seq) };
  }
}

/**
 * What goes wrong between the client of NATS and its servers, each once and when asked for: an answer that is lost, an
 * append that is late, one that is sent twice, and a stream that goes back in time.
 */
import type { LogFaults } from '../../src/log/contract.ts';
import type { NatsConnection, NatsHeaders, NatsMessage } from '../../src/log/nats.ts';
import type { Position } from '../../src/log/port.ts';

interface RequestOptions {
  readonly timeout: number;
  readonly headers?: NatsHeaders;
}

export class FaultyNats implements NatsConnection {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #headers: () => NatsHeaders;
  #losesAnswer = false;
  #sendsTwice = false;
  #delay: { readonly arrived: () => void; readonly released: Promise<void> } | null = null;

  constructor(connection: NatsConnection, prefix: string, headers: () => NatsHeaders) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#headers = headers;
  }

  readonly faults: LogFaults = {
    loseAnswer: () => {
      this.#losesAnswer = true;
    },
    resendAppend: () => {
      this.#sendsTwice = true;
    },
    delayAppend: () => {
      const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      this.#delay = { arrived: arrived.resolve, released: released.promise };
      return { arrived: arrived.promise, release: released.resolve };
    },
    rollBack: (name, to) => this.#rollBack(name, to),
    stopWriter: null,
  };

  get info(): NatsConnection['info'] {
    return this.#connection.info;
  }

  publish(...args: Parameters<NatsConnection['publish']>): void {
    this.#connection.publish(...args);
  }

  subscribe(...args: Parameters<NatsConnection['subscribe']>): { unsubscribe(): void } {
    return this.#connection.subscribe(...args);
  }

  status(): AsyncIterable<{ readonly type: string }> {
    return this.#connection.status();
  }

  isClosed(): boolean {
    return this.#connection.isClosed();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async request(subject: string, payload: Uint8Array | string = '', options?: RequestOptions): Promise<NatsMessage> {
    const send = (): Promise<NatsMessage> => this.#connection.request(subject, payload, options);
    if (!subject.startsWith(`${this.#prefix}.log.`)) return send();
    const [delay, losesAnswer, sendsTwice] = [this.#delay, this.#losesAnswer, this.#sendsTwice];
    [this.#delay, this.#losesAnswer, this.#sendsTwice] = [null, false, false];
    delay?.arrived();
    await delay?.released;
    if (sendsTwice) await send();
    const answer = await send();
    if (losesAnswer) throw Object.assign(new Error('timeout'), { name: 'TimeoutError' });
    return answer;
  }

  /** The stream as it was: removed, made anew with its settings, and filled with its first records. */
  async #rollBack(name: string, to: Position): Promise<void> {
    interface Stream {
      readonly config: { readonly subjects: readonly string[] };
    }
    interface Stored {
      readonly message: { readonly data: string };
    }
    const stream = `${this.#prefix}=${name.replaceAll('.', '=')}`;
    const { config } = await this.#api<Stream>(`STREAM.INFO.${stream}`);
    const stored: Uint8Array[] = [];
    for (let seq = 1; seq <= to; seq++) {
      const { message } = await this.#api<Stored>(`STREAM.MSG.GET.${stream}`, { seq });
      stored.push(Uint8Array.from(atob(message.data), (character) => character.charCodeAt(0)));
    }
    await this.#api(`STREAM.DELETE.${stream}`);
    await this.#api(`STREAM.CREATE.${stream}`, config);
    for (const [at, bytes] of stored.entries()) {
      const headers = this.#headers();
      headers.set('Nats-Expected-Last-Sequence', String(at));
      await this.#connection.request(config.subjects[0] ?? '', bytes, { timeout: 5_000, headers });
    }
  }

  async #api<T>(path: string, body?: unknown): Promise<T> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const { data } = await this.#connection.request(`$JS.API.${path}`, payload, { timeout: 5_000 });
    const answer = JSON.parse(new TextDecoder().decode(data)) as T & { readonly error?: unknown };
    if (answer.error !== undefined) throw new Error(`${path}: ${JSON.stringify(answer.error)}`);
    return answer;
  }
}

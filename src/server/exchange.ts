/**
 * A request and its answer as handlers see them, whatever brought them: `fetch` handlers are given a web `Request`, a server
 * of Node's has what its parser made. Making the one of the other costs several times what answering does, so it is done only
 * for who wants it.
 */
import { joined } from '../checkpoint/content.ts';
import { LockstepError } from '../kernel/errors.ts';

/** Where it is asked: of a `URL`, what handlers look at. */
export type Address = Pick<URL, 'pathname' | 'search' | 'searchParams' | 'host' | 'hostname' | 'href'>;

/** What is asked. */
export interface Asked {
  readonly method: string;
  readonly url: Address;
  readonly headers: { get(name: string): string | null };
  /** Of all headers together. */
  readonly headerBytes: number;
  /** Aborts when the other side goes away. */
  readonly signal: AbortSignal;
  /** The same for who checks who asks: its body is not there. */
  readonly request: Request;
  /** The body, where all of it came with the head; null: it has to be read. Once. */
  earlyBody(): Promise<Uint8Array | null>;
  /** Null: it has more than `bytesMax`, or came no further until `signal`. @throws LockstepError `invalid` when it broke off. */
  readBody(bytesMax: number, signal: AbortSignal): Promise<Uint8Array | null>;
}

/** What is answered. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | Flow | null;
}

/** A body that goes on: it is read no faster than it is taken. */
export interface Flow {
  /** The next part, one call at a time; null at its end. Rejects where it broke off. */
  take(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Nobody takes it any more. */
  stop(): void;
}

export const isFlow = (body: Reply['body']): body is Flow =>
  typeof body === 'object' && body !== null && 'take' in body;

/** Never rejects. */
export type Exchange = (asked: Asked) => Promise<Reply>;

/** A web-standard handler. `exchange`: the same without web objects, for servers of our own. */
export interface Handler {
  (request: Request): Promise<Response>;
  readonly exchange: Exchange;
}

export function webHandler(exchange: Exchange): Handler {
  const handle = async (request: Request): Promise<Response> => {
    const { status, headers, body } = await exchange(new WebAsked(request));
    return new Response(isFlow(body) ? streamOf(body) : body, { status, headers });
  };
  return Object.assign(handle, { exchange });
}

function streamOf(flow: Flow): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const part = await flow.take();
        if (part === null) controller.close();
        else controller.enqueue(part);
      },
      cancel: () => flow.stop(),
    },
    { highWaterMark: 0 }, // what is read ahead lies in the flow alone
  );
}

class WebAsked implements Asked {
  readonly request: Request;
  readonly url: URL;

  constructor(request: Request) {
    this.request = request;
    this.url = new URL(request.url);
  }

  get method(): string {
    return this.request.method;
  }

  get headers(): Headers {
    return this.request.headers;
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  get headerBytes(): number {
    let bytes = 0;
    for (const [name, value] of this.request.headers) bytes += name.length + value.length;
    return bytes;
  }

  async earlyBody(): Promise<null> {
    return null;
  }

  async readBody(bytesMax: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const { body } = this.request;
    if (body === null) return new Uint8Array(0);
    const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
    const stop = (): void => void reader.cancel().catch(() => {}); // it may be broken already
    signal.addEventListener('abort', stop, { once: true });
    const parts = new BodyParts(bytesMax);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (signal.aborted) return null;
        if (done) return parts.bytes();
        if (!parts.add(value)) break;
      }
    } catch (cause) {
      throw new LockstepError('invalid', 'the body broke off', { cause });
    } finally {
      signal.removeEventListener('abort', stop);
    }
    stop();
    return null;
  }
}

/** The parts of a body, as long as they are not too many bytes. */
export class BodyParts {
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether it still fits. */
  add(part: Uint8Array): boolean {
    this.#count += part.length;
    if (this.#count > this.#bytesMax) return false;
    this.#parts.push(part);
    return true;
  }

  bytes(): Uint8Array {
    return this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : joined(this.#parts, this.#count);
  }
}

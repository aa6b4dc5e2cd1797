/**
 * The compiler as an editor talks to it: the language server of the installed TypeScript over standard input and output
 * (Language Server Protocol 3.17), as far as it takes to open files, change them and ask what completes at a place.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { pathToFileURL } from 'node:url';

const answerMsMax = 60_000;

export interface Position {
  /** From 0. */
  readonly line: number;
  /** In UTF-16 units, from 0. */
  readonly character: number;
}

interface Answer {
  readonly id?: number | string;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class LanguageServer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number | string, Waiting>();
  readonly #versions = new Map<string, number>();
  #received: Buffer = Buffer.alloc(0);
  #requests = 0;

  private constructor(compiler: string) {
    this.#process = spawn(process.execPath, [compiler, '--lsp', '--stdio']);
    this.#process.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#process.on('exit', () => this.#failAll(new Error('the language server ended')));
    this.#process.on('error', (error) => this.#failAll(error));
  }

  /** For the project in `folder`, which has a tsconfig.json. */
  static async start(compiler: string, folder: string): Promise<LanguageServer> {
    const server = new LanguageServer(compiler);
    const rootUri = pathToFileURL(folder).href;
    const capabilities = { textDocument: { completion: { completionItem: {} } } };
    await server.#request('initialize', { processId: process.pid, rootUri, capabilities });
    server.#send({ method: 'initialized', params: {} });
    return server;
  }

  /** The file as the editor has it now; the first time it is opened. */
  show(path: string, text: string): void {
    const uri = pathToFileURL(path).href;
    const version = (this.#versions.get(path) ?? 0) + 1;
    this.#versions.set(path, version);
    if (version === 1)
      this.#send({
        method: 'textDocument/didOpen',
        params: { textDocument: { uri, languageId: 'typescript', version, text } },
      });
    else
      this.#send({
        method: 'textDocument/didChange',
        params: { textDocument: { uri, version }, contentChanges: [{ text }] },
      });
  }

  /** What completes there, by its labels. */
  async complete(path: string, position: Position): Promise<readonly string[]> {
    const textDocument = { uri: pathToFileURL(path).href };
    const result = await this.#request('textDocument/completion', {
      textDocument,
      position,
      context: { triggerKind: 1 },
    });
    const items: unknown = Array.isArray(result) ? result : (result as { readonly items?: unknown } | null)?.items;
    return Array.isArray(items) ? items.map((item: { readonly label: string }) => item.label) : [];
  }

  close(): void {
    this.#process.kill();
  }

  async #request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#requests;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const late = setTimeout(() => reject(new Error(`no answer to ${method} in ${answerMsMax} ms`)), answerMsMax);
    this.#send({ id, method, params });
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const headEnd = this.#received.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#received.toString('latin1', 0, headEnd))?.[1]);
      const end = headEnd + 4 + length;
      if (this.#received.length < end) return;
      const answer = JSON.parse(this.#received.toString('utf8', headEnd + 4, end)) as Answer;
      this.#received = this.#received.subarray(end);
      this.#handle(answer);
    }
  }

  #handle({ id, method, result, error }: Answer): void {
    if (id === undefined) return; // a notification: diagnostics, progress
    if (method !== undefined) return this.#send({ id, result: null }); // the server asks: this editor has no settings
    const waiting = this.#waiting.get(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
  }
}

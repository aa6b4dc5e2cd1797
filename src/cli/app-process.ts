/** The process in which `lockstep dev` has the app, as that sees it: started, imported, opened, ended. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { getCompileCacheDir } from 'node:module';
import { dirname, extname } from 'node:path';
import type { ErrorKind } from '../kernel/errors.ts';
import type { DevNews, DevOrder, DevReady } from './dev-messages.ts';

export interface AppProcessOptions {
  readonly path: string;
  /** As which it shows in lists of processes. */
  readonly title: string;
  /** Told of each file that the app imports. */
  readonly onFile: (file: string) => void;
  /** Given lines for who watches. */
  readonly onLine: (line: string) => void;
  /** Told what code of the app threw, which callers are not told. */
  readonly onThrown: (what: string) => void;
}

/** Why a process ended by itself. */
export class AppFailure extends Error {
  /** Null: it was no error of ours. */
  readonly error: ErrorKind | null;

  constructor(why: string, error: ErrorKind | null) {
    super(why);
    this.error = error;
  }
}

export class AppProcess {
  readonly #child: ChildProcess;
  readonly #imported = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<DevReady>();
  #failure: AppFailure | null = null;
  /** Resolves when it has ended: with why, or with null when it was told to. */
  readonly ended: Promise<string | null>;
  #isTold = false;

  /** Starts it; it loads all but the app. */
  constructor({ path, title, onFile, onLine, onThrown }: AppProcessOptions) {
    // Its channel closes when this process is gone, whatever ended that: then it ends too.
    // What it loads is compiled once, not at every change.
    const cache = getCompileCacheDir(); // that of this version, in the one to name
    const env = { ...process.env, NODE_COMPILE_CACHE: cache === undefined ? undefined : dirname(cache) };
    const execArgv = process.execArgv.map((word) => word.replace(/^(--inspect(?:-brk)?)(?:=.*)?$/, '$1=0')); // a port of its own
    this.#child = fork(new URL(`./dev-worker${extname(import.meta.url)}`, import.meta.url), [path, title], {
      env,
      execArgv,
    });
    this.#imported.promise.catch(() => {}); // whoever waits for it is told
    this.#ready.promise.catch(() => {}); // likewise
    this.#child.on('message', (news: DevNews) => {
      if (news.kind === 'file') onFile(news.file);
      else if (news.kind === 'said') onLine(news.line);
      else if (news.kind === 'thrown') onThrown(news.what);
      else if (news.kind === 'imported') this.#imported.resolve();
      else if (news.kind === 'ready') this.#ready.resolve(news);
      else this.#failure = new AppFailure(news.why, news.error);
    });
    this.ended = this.#end();
  }

  /** Whether it may still be told something. */
  get isThere(): boolean {
    return this.#child.connected;
  }

  /** Has the app imported, once. @throws AppFailure when it cannot be. */
  imported(): Promise<void> {
    this.#order({ kind: 'import' });
    return this.#imported.promise;
  }

  /** Once. @throws AppFailure when it cannot be opened. */
  opened(asked: Omit<Extract<DevOrder, { kind: 'open' }>, 'kind'>): Promise<DevReady> {
    this.#order({ kind: 'open', ...asked });
    return this.#ready.promise;
  }

  /** Resolves when it has ended; what was begun is finished. */
  async end(): Promise<void> {
    this.#isTold = true;
    this.#order({ kind: 'end' });
    await this.ended;
  }

  #order(order: DevOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  async #end(): Promise<string | null> {
    const [code, signal] = (await once(this.#child, 'exit')) as [number | null, string | null];
    const failure = this.#failure ?? new AppFailure(`the process ended with ${signal ?? `exit code ${code}`}`, null);
    this.#imported.reject(failure);
    this.#ready.reject(failure);
    return this.#isTold ? null : failure.message;
  }
}

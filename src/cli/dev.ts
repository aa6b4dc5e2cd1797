/**
 * `lockstep dev`: the app served by a process that is started again when a file of the app changes, behind a port that stays
 * open. Data is on disk and starts are quick, so no module is ever stale. The next process imports the app while the one
 * before still serves: code that cannot be imported stops nobody.
 */
import { existsSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { LockstepError } from '../kernel/errors.ts';
import { removeRunning, writeRunning } from '../os/running.ts';
import { codeOf } from '../os/system-code.ts';
import { AppFailure, AppProcess } from './app-process.ts';
import { AppWatch } from './app-watch.ts';
import type { DevReady } from './dev-messages.ts';
import { counted, line, seconds } from './line.ts';
import { pageNotes } from './page.ts';
import { takenPort } from './port.ts';
import { Relay, type Waited } from './relay.ts';
import { dataRoot } from './running-node.ts';

export interface DevOptions {
  readonly data: string | undefined;
  readonly port: string | undefined;
  readonly fresh: boolean;
}

/** Resolves with the exit code once it was told to end and has. */
export async function dev(path: string, options: DevOptions): Promise<number> {
  const { data, fresh } = options;
  if (fresh && data !== undefined)
    throw new LockstepError('misuse', `--fresh is for what lies in ${dataRoot}/ alone; nothing was removed`, {
      values: { data },
    });
  if (!existsSync(path))
    throw new LockstepError('invalid', 'there is no such file', {
      values: { file: path },
      advice: ['an app to begin with: lockstep init'],
    });
  if (data === undefined) await ignoreData();
  const session = new DevSession(path, options);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => session.end());
  return session.run();
}

/** For how long the app has the machine to itself before the next process is prepared. */
const spareDelayMs = 1_000;

class DevSession {
  readonly #path: string;
  readonly #options: DevOptions;
  readonly #relay = new Relay();
  readonly #watch = new AppWatch();
  readonly #since = new Date().toISOString();
  readonly #title: string;
  #url = '';
  /** Where it was told that a node runs. */
  #data: string | null = null;
  #serving: AppProcess | null = null;
  #starting: AppProcess | null = null;
  /** Who is next: it has loaded all but the app when it is needed. */
  #spare: AppProcess | null = null;
  #preparing: NodeJS.Timeout | null = null;
  #isEnding = false;
  #code = 0;

  constructor(path: string, options: DevOptions) {
    this.#path = path;
    this.#options = options;
    this.#title = `lockstep dev ${path}`;
    process.title = this.#title; // whoever looks for the command finds it, however it was started
  }

  /** Ctrl-C. */
  end(): void {
    this.#isEnding = true;
    this.#watch.close();
    if (this.#preparing !== null) clearTimeout(this.#preparing);
    void this.#starting?.end();
  }

  async run(): Promise<number> {
    this.#spare = this.#made(); // it loads meanwhile
    try {
      this.#url = await takenPort(this.#options.port, (port) => this.#relay.listen(port));
    } catch (error) {
      await this.#spare.end();
      throw error;
    }
    this.#watch.add(resolve(this.#path));
    for (let changed: string | null = null; !this.#isEnding;) {
      const next = this.#watch.changed();
      await this.#start(changed);
      changed = await next;
    }
    await Promise.all([this.#stop(), this.#spare?.end()]);
    if (this.#data !== null) removeRunning(this.#data);
    await this.#relay.close();
    return this.#code;
  }

  /** `changed`: the file for whose sake; null: for the first time. */
  async #start(changed: string | null): Promise<void> {
    const begun = performance.now();
    if (this.#preparing !== null) clearTimeout(this.#preparing);
    const next = this.#spare?.isThere === true ? this.#spare : this.#made();
    this.#spare = null;
    this.#starting = next;
    let isImported = false;
    try {
      await next.imported();
      isImported = true;
      this.#relay.mend();
      await this.#stop();
      const isFresh = this.#options.fresh && this.#data === null;
      const ready = await next.opened({ data: this.#options.data, isFresh });
      this.#serving = next;
      this.#tell(ready, changed, { waited: this.#relay.open(ready.url), tookMs: performance.now() - begun });
      void this.#guard(next);
    } catch (error) {
      if (!(error instanceof AppFailure)) throw error;
      if (error.error === 'in-use' && this.#data === null) this.#refused(error.message);
      else if (error.error === 'misuse' && isImported) this.#failed(`${error.message}\n${this.#again}`);
      else this.#failed(error.message);
    } finally {
      this.#starting = null;
      if (!this.#isEnding) this.#preparing = setTimeout(() => (this.#spare ??= this.#made()), spareDelayMs);
    }
  }

  #made(): AppProcess {
    return new AppProcess({
      path: this.#path,
      title: this.#title,
      onFile: (file) => this.#watch.add(file),
      onLine: (text) => console.log(text),
      onThrown: (what) => console.error(what),
    });
  }

  /** Requests wait from now on. */
  async #stop(): Promise<void> {
    const serving = this.#serving;
    this.#serving = null;
    if (serving === null) return;
    await this.#relay.shut();
    await serving.end();
  }

  /** One that ends by itself, while it serves, is missed. */
  async #guard(serving: AppProcess): Promise<void> {
    const why = await serving.ended;
    if (this.#serving !== serving || why === null) return;
    this.#serving = null;
    this.#failed(why);
  }

  /** For code that does not fit what is stored. */
  get #again(): string {
    const { data } = this.#options;
    return `  In development, to begin again: ${data === undefined ? `${this.#title} --fresh` : `remove ${data}`}`;
  }

  /** No change of the code would help. */
  #refused(why: string): void {
    console.error(why);
    this.#code = 1;
    this.end();
  }

  #failed(why: string): void {
    if (this.#isEnding) return;
    console.error(why);
    if (this.#serving === null) {
      this.#relay.break(why);
      console.log(line('stopped', 'waiting for a change; requests are refused'));
    } else console.log(line('not loaded', 'waiting for a change; the code of before serves'));
  }

  #tell(ready: DevReady, changed: string | null, took: { readonly waited: Waited; readonly tookMs: number }): void {
    const { started, changes, data } = ready;
    if (this.#data === null) {
      console.log([started, ...changes].join(' · '));
      console.log(line('page', this.#url, ...pageNotes()));
    } else {
      const { count, failedCount } = took.waited;
      const waited = count === 0 ? 'requests' : counted(count, 'request');
      const requests = `${waited} waited, ${failedCount === 0 ? 'none' : failedCount} failed`;
      console.log(line('reloaded', `${changed} in ${seconds(took.tookMs)}`, ...changes, requests));
    }
    if (this.#data !== null && this.#data !== data) {
      removeRunning(this.#data); // it is told that nobody runs there any more
      console.log(line('data', data, `was ${this.#data}, which is kept`));
    }
    this.#data = data;
    writeRunning(data, { url: this.#url, pid: process.pid, command: this.#title, since: this.#since });
  }
}

async function ignoreData(): Promise<void> {
  const entry = `${basename(dataRoot)}/`;
  const text = await readFile('.gitignore', 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  if (text.split('\n').some((one) => one.trim() === entry)) return;
  await appendFile('.gitignore', `${text === '' || text.endsWith('\n') ? '' : '\n'}${entry}\n`);
}

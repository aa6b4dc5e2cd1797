/**
 * A program under chaos, by its lives: started, stopped, killed and started again, one process at a time. What it writes
 * to its standard error is kept: whoever judges looks whether it should have been silent.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const saidMax = 10_000;

export class Lives {
  readonly #program: URL;
  readonly #flags: readonly string[];
  #child: ChildProcess | null = null;
  #said = '';
  #told = '';

  /** `flags`: of Node. */
  constructor(program: URL, flags: readonly string[] = []) {
    this.#program = program;
    this.#flags = flags;
  }

  /** Begins the next life, told one thing, as JSON in its one argument. */
  start(order: object): void {
    const args = [...this.#flags, this.#program.pathname, JSON.stringify(order)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-saidMax)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#told = (this.#told + text).slice(-saidMax)));
    this.#child = child;
    const end = (): void => void child.kill('SIGKILL'); // when this process ends without having ended it
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
  }

  /** The end of what all lives wrote to their standard error. */
  get said(): string {
    return this.#said;
  }

  /** The end of what all lives wrote to their standard output. */
  get told(): string {
    return this.#told;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== null && child.exitCode === null && child.signalCode === null;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): void {
    if (this.isRunning) this.#child?.kill(signal);
  }

  async ended(): Promise<void> {
    if (this.#child !== null && this.isRunning) await once(this.#child, 'exit');
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }
}

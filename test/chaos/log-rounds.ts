/** Real processes that take one log from each other, and what the judge, who is none of them, finds in it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileEngine } from '../../src/log/file.ts';
import { position } from '../../src/log/coordinates.ts';
import { openHostEnv } from '../../src/os/env.ts';

const program = new URL('./log-writer.ts', import.meta.url).pathname;

/** Whether a writer takes the directory before it takes the log, and how. */
export type Owns = 'not owned' | 'owned' | 'takes over';

export class WriterProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #told = '';
  #failure = '';

  constructor(data: string, name: string, owns: Owns = 'not owned') {
    this.#child = spawn(process.execPath, [program, data, name, owns], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#told += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#failure += chunk.toString()));
    this.#ended = once(this.#child, 'close');
  }

  /** Whole lines so far. */
  get lines(): readonly string[] {
    return this.#told.split('\n').slice(0, -1);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get failure(): string {
    return this.#failure;
  }

  /** Resolves once it has told so many lines, or has ended. */
  async told(count: number): Promise<void> {
    while (this.lines.length < count && this.#child.exitCode === null && this.#child.signalCode === null)
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.#ended]);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }
}

/** What is wrong with the log after what its writers were told; null when nothing is. */
export async function judge(data: string, lines: readonly string[]): Promise<string | null> {
  const env = await openHostEnv({ data });
  const engine = fileEngine(env, 'logs');
  const found = new Map<number, string>();
  const counts = new Map<string, number>();
  try {
    const log = await engine.open('log', { create: false });
    if (log === null) return lines.length === 0 ? null : 'there is no log';
    const tail = await log.tail();
    if (tail > 0) {
      for await (const batch of log.read(position(0))) {
        if (batch.kind !== 'records') return JSON.stringify(batch);
        for (const record of batch.records) found.set(record.position, new TextDecoder().decode(record.payload));
        if ((batch.records.at(-1)?.position ?? 0) >= tail) break;
      }
    }
  } finally {
    await engine.close();
    await env.close();
  }
  const all = new Set(found.values());
  for (const line of lines) {
    const [at = '', text = ''] = line.split(' ');
    if (at === 'denied' && all.has(text)) return `${text} was denied, and is there`;
    if (at !== 'denied' && found.get(Number(at)) !== text)
      return `${text} was acknowledged at ${at}: ${found.get(Number(at))}`;
  }
  for (const text of found.values()) {
    const [writer = '', count] = text.split(':');
    if (count === undefined) continue; // a claim
    if (Number(count) !== (counts.get(writer) ?? 0) + 1) return `${text} comes after ${counts.get(writer) ?? 0}`;
    counts.set(writer, Number(count));
  }
  return null;
}

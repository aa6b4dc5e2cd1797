import type { Job, Jobs } from '../env/jobs.ts';
import { BoundedQueue } from '../kernel/bounded-queue.ts';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { SimDisk } from './disk.ts';
import type { Process } from './machine.ts';

/** Jobs as steps of the world: one "thread" a process, the work done at once when its time has come. */
const waitingCountMax = 1_024;

export class SimJobs implements Jobs {
  readonly #process: Process;
  readonly #waiting = new BoundedQueue<() => Promise<void>>(waitingCountMax);
  #running = false;

  constructor(process: Process) {
    this.#process = process;
  }

  async run<In, Out>(
    job: Job<In, Out>,
    input: In,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Out> {
    const process = this.#process;
    if (!process.alive) return new Promise(() => undefined);
    const { signal } = options;
    if (signal?.aborted) throw signal.reason;
    const copy = cloned(input, job.name);
    const pending = process.wait(`job ${job.name}`);
    return new Promise<Out>((resolve, reject) => {
      const onAbort = (): void => finish(() => reject(signal?.reason));
      const finish = (settle: () => void): void => {
        signal?.removeEventListener('abort', onAbort);
        process.pending.delete(pending);
        settle();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const work = async (): Promise<void> => {
        if (signal?.aborted) return;
        const outcome = await this.#perform(job, copy);
        finish(() => (outcome.kind === 'done' ? resolve(outcome.value) : reject(outcome.error)));
      };
      if (this.#waiting.push(work) === 'full') {
        finish(() =>
          reject(new LockstepError('overloaded', 'too many jobs wait', { values: { job: job.name, waitingCountMax } })),
        );
        return;
      }
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) await work();
    this.#running = false;
  }

  async #perform<In, Out>(
    job: Job<In, Out>,
    input: In,
  ): Promise<{ readonly kind: 'done'; readonly value: Out } | { readonly kind: 'failed'; readonly error: unknown }> {
    const { machine } = this.#process;
    const delayMs = this.#process.random.between(...machine.weather.jobMs);
    await this.#process.later(`job ${job.name}`, delayMs, () => machine.timeline.record('job', machine.name, job.name));
    try {
      const value = await job.run(input, new SimDisk(this.#process));
      return { kind: 'done', value: cloned(value, job.name) };
    } catch (error) {
      return { kind: 'failed', error: crossThread(error) };
    }
  }
}

/** @throws LockstepError `misuse` for what cannot go to another thread. */
function cloned<T>(value: T, job: string): T {
  try {
    return structuredClone(value);
  } catch (cause) {
    throw new LockstepError('misuse', 'a job takes and gives plain data alone', { values: { job }, cause });
  }
}

/** An error as it looks after it came from another thread. */
function crossThread(error: unknown): unknown {
  if (isLockstepError(error)) return error;
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  return Object.assign(new Error(message), { name });
}

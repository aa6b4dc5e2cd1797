/**
 * The real jobs: a pool of worker threads, started when first needed, one job each at a time. Idle threads do not keep
 * the process alive, running jobs do. A thread inherits the flags of this process, so that what loads its modules
 * (TypeScript, conditions) loads the jobs' too. A thread that dies takes one job with it; the next job starts another.
 */
import { Worker } from 'node:worker_threads';
import type { Job, Jobs } from '../env/jobs.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { decodeError, type JobAnswer, type JobRequest, type JobThreadData } from './job-messages.ts';
import type { HostLimits } from './limits.ts';

/** The thread's entry lies beside this file, as TypeScript in the source and as JavaScript in the package. */
const threadEntry = new URL(`./job-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** Jobs work on long arrays and leave few objects behind: more would be memory that a thread keeps for nothing. */
const maxYoungGenerationSizeMb = 4;

interface Pending {
  readonly request: JobRequest;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  current: Pending | null;
  /** What it died of, when it said so. */
  failure: unknown;
}

export class HostJobs implements Jobs {
  readonly #rootOf: () => string;
  readonly #limits: HostLimits;
  readonly #threads: Set<Thread> = new Set();
  /** In the order of the calls; a set, so that an aborted one leaves from the middle. */
  readonly #waiting: Set<Pending> = new Set();
  #open = true;

  /** `rootOf` is asked when a thread starts. */
  constructor(rootOf: () => string, limits: HostLimits) {
    this.#rootOf = rootOf;
    this.#limits = limits;
  }

  async run<In, Out>(
    job: Job<In, Out>,
    input: In,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Out> {
    const { signal } = options;
    if (!this.#open) throw stopped();
    checkJob(job);
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const pending: Pending = { request: { module: job.module, name: job.name, input }, resolve, reject };
    const taken = this.#start(pending);
    const onAbort = (): void => {
      this.#waiting.delete(taken);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      // The job's own type says what it gives; a clone of it came back.
      return (await promise) as Out;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends all threads. What runs or waits is rejected with `stopped`. */
  async close(): Promise<void> {
    this.#open = false;
    const current = [...this.#threads].map((thread) => thread.current);
    for (const pending of [...current, ...this.#waiting]) pending?.reject(stopped());
    this.#waiting.clear();
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  /** Hands the job to a thread, or queues it with a copy of its input; gives what was handed over. */
  #start(pending: Pending): Pending {
    const thread = this.#freeThread();
    if (thread !== null) {
      this.#handOver(thread, pending);
      return pending;
    }
    if (this.#waiting.size >= this.#limits.jobWaitingCountMax) {
      throw new LockstepError('overloaded', 'too many jobs wait for a thread', {
        values: { job: pending.request.name, jobWaitingCountMax: this.#limits.jobWaitingCountMax },
      });
    }
    const copied: Pending = { ...pending, request: cloneRequest(pending.request) };
    this.#waiting.add(copied);
    return copied;
  }

  #freeThread(): Thread | null {
    for (const thread of this.#threads) if (thread.current === null) return thread;
    return this.#threads.size < this.#limits.jobThreadCount ? this.#startThread() : null;
  }

  #startThread(): Thread {
    const workerData: JobThreadData = { root: this.#rootOf() };
    // `--input-type`, of programs given as text, is the one common flag that no thread can start with.
    const flags = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {};
    const worker = new Worker(threadEntry, { workerData, ...flags, resourceLimits: { maxYoungGenerationSizeMb } });
    const thread: Thread = { worker, current: null, failure: undefined };
    this.#threads.add(thread);
    thread.worker.on('message', (answer: JobAnswer) => this.#onAnswer(thread, answer));
    thread.worker.on('messageerror', (error) => this.#settle(thread, (pending) => pending.reject(notCloned(error))));
    thread.worker.on('error', (error: unknown) => {
      thread.failure = error;
    });
    thread.worker.on('exit', (exitCode) => this.#onExit(thread, exitCode));
    return thread;
  }

  #handOver(thread: Thread, pending: Pending): void {
    assert(thread.current === null, 'a thread runs one job at a time');
    try {
      thread.worker.postMessage(pending.request);
    } catch (error) {
      throw notCloned(error);
    }
    thread.current = pending;
    thread.worker.ref();
  }

  #onAnswer(thread: Thread, answer: JobAnswer): void {
    this.#settle(thread, (pending) => {
      if (answer.kind === 'done') pending.resolve(answer.output);
      else pending.reject(decodeError(answer.error));
    });
  }

  #settle(thread: Thread, answer: (pending: Pending) => void): void {
    const { current } = thread;
    if (current === null) return;
    thread.current = null;
    thread.worker.unref();
    answer(current);
    this.#handOverNext();
  }

  #onExit(thread: Thread, exitCode: number): void {
    this.#threads.delete(thread);
    const { current, failure } = thread;
    thread.current = null;
    current?.reject(
      new LockstepError('unavailable', 'the thread that ran the job died', {
        cause: failure,
        values: { job: current.request.name, exitCode },
      }),
    );
    this.#handOverNext();
  }

  #handOverNext(): void {
    const [next] = this.#waiting;
    if (next === undefined || !this.#open) return;
    const thread = this.#freeThread();
    if (thread === null) return;
    this.#waiting.delete(next);
    this.#handOver(thread, next);
  }
}

function checkJob(job: Job<never, unknown>): void {
  if (job.kind === 'job' && job.module.startsWith('file:')) return;
  throw new LockstepError('misuse', 'a job names the file that exports it', {
    values: { job: job.name, module: job.module },
    advice: ['set `module: import.meta.url` where the job is defined'],
  });
}

function cloneRequest(request: JobRequest): JobRequest {
  try {
    return structuredClone(request);
  } catch (error) {
    throw notCloned(error);
  }
}

const notCloned = (cause: unknown): LockstepError =>
  new LockstepError('misuse', 'input and output of a job are data that can be cloned', { cause });

const stopped = (): LockstepError => new LockstepError('stopped', 'the jobs were closed');

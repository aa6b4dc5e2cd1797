/**
 * The entry of a job thread: loads the module that exports the job, runs it with a disk of its own, answers. One job
 * at a time: the pool sends the next one after the answer. Only ever started by `jobs.ts`, as a file of its own.
 */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from '../env/jobs.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import { HostDisk } from './disk.ts';
import { encodeError, type JobAnswer, type JobRequest, type JobThreadData } from './job-messages.ts';

assert(parentPort !== null, 'a job thread is started by a pool');
/** A third of the weight. */
const niceBy = 5;
const niceMax = 19;

const port = parentPort;
const disk = new HostDisk((workerData as JobThreadData).root);
giveWay();

port.on('message', (request: JobRequest) => void answer(request));

/**
 * Behind the thread that answers, where both want a core. On Linux a priority is a thread's own; elsewhere it would be the
 * whole process'. Where it may not be changed, jobs take their full share.
 */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Math.min(getPriority() + niceBy, niceMax));
  } catch {
    return; // nothing depends on it
  }
}

async function answer(request: JobRequest): Promise<void> {
  try {
    const job = await jobOf(request);
    post({ kind: 'done', output: await job.run(request.input, disk) });
  } catch (error) {
    post({ kind: 'failed', error: encodeError(error) });
  }
}

function post(message: JobAnswer): void {
  try {
    port.postMessage(message);
  } catch (cause) {
    throw new LockstepError('misuse', 'the output of a job is data that can be cloned', { cause });
  }
}

async function jobOf({ module, name }: JobRequest): Promise<Job<unknown, unknown>> {
  const exported: Readonly<Record<string, unknown>> = await import(module);
  const found = Object.values(exported).find((value) => isJob(value) && value.name === name);
  if (isJob(found)) return found;
  throw new LockstepError('misuse', 'the module exports no job of this name', {
    values: { name, module },
    advice: ['export it, under any name, from the module whose import.meta.url it carries'],
  });
}

function isJob(value: unknown): value is Job<unknown, unknown> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'job' && 'run' in value;
}

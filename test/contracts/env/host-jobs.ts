/** Jobs for the tests of the real pool: they die, wait for each other, never end. */
import { getPriority } from 'node:os';
import type { Job } from '../../../src/env/jobs.ts';

const module = import.meta.url;

export const dying: Job<number, never> = {
  kind: 'job',
  name: 'dying',
  module,
  run: (exitCode) => process.exit(exitCode),
};

export const throwingLater: Job<null, never> = {
  kind: 'job',
  name: 'throwingLater',
  module,
  run: () => {
    setTimeout(() => {
      throw new Error('nobody caught this');
    }, 0);
    return new Promise<never>(() => undefined);
  },
};

/** Waits until another one has come. */
export const meeting: Job<Int32Array | null, 'met' | 'alone'> = {
  kind: 'job',
  name: 'meeting',
  module,
  run: (count) => {
    if (count === null) return 'alone';
    Atomics.add(count, 0, 1);
    Atomics.notify(count, 0);
    if (Atomics.load(count, 0) < 2) Atomics.wait(count, 0, 1, 10_000);
    return Atomics.load(count, 0) === 2 ? 'met' : 'alone';
  },
};

export const waitingForever: Job<null, never> = {
  kind: 'job',
  name: 'waitingForever',
  module,
  run: () => new Promise<never>(() => setInterval(() => undefined, 1_000)),
};

/** How nice its thread is. */
export const niceness: Job<null, number> = { kind: 'job', name: 'niceness', module, run: () => getPriority() };

/** What the contract of jobs cannot ask for: threads that die, several at once, and an end. */
import { getPriority, tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { LockstepError } from '../kernel/errors.ts';
import { dying, meeting, niceness, throwingLater, waitingForever } from '../../test/contracts/env/host-jobs.ts';
import { HostJobs } from './jobs.ts';
import { hostLimits, type HostLimits } from './limits.ts';

const opened: HostJobs[] = [];
afterEach(async () => {
  for (const jobs of opened.splice(0)) await jobs.close();
});

function openJobs(changes: Partial<HostLimits> = {}): HostJobs {
  const jobs = new HostJobs(() => tmpdir(), hostLimits({ jobThreadCount: 1, ...changes }));
  opened.push(jobs);
  return jobs;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('a thread that dies answers unavailable for its job, and the waiting ones get another', async () => {
  const jobs = openJobs();
  const answers = await Promise.allSettled([
    jobs.run(meeting, null),
    jobs.run(dying, 7),
    jobs.run(meeting, null),
    jobs.run(dying, 8),
    jobs.run(meeting, null),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
  expect(answers[1]).toMatchObject({ reason: { kind: 'unavailable', values: { job: 'dying', exitCode: 7 } } });
});

test('an error that no job caught kills the thread, and is told as the cause', async () => {
  const failure = await failureOf(openJobs().run(throwingLater, null));
  expect(failure).toMatchObject({ kind: 'unavailable', cause: { message: 'nobody caught this' } });
});

test('as many jobs run at once as there are threads', async () => {
  const jobs = openJobs({ jobThreadCount: 2 });
  const shared = new Int32Array(new SharedArrayBuffer(4));
  // Each waits for the other: on one thread neither would end.
  expect(await Promise.all([jobs.run(meeting, shared), jobs.run(meeting, shared)])).toEqual(['met', 'met']);
});

test.runIf(process.platform === 'linux')(
  'a job gives way to the thread that asked, which stays as it was',
  async () => {
    const before = getPriority();
    expect(await openJobs().run(niceness, null)).toBe(Math.min(before + 5, 19));
    expect(getPriority()).toBe(before);
  },
);

test('close rejects what runs and what waits, and refuses what comes later', async () => {
  const jobs = openJobs();
  const asked = [jobs.run(waitingForever, null), jobs.run(meeting, null)].map(failureOf);
  await jobs.close();
  expect(await Promise.all(asked)).toMatchObject([{ kind: 'stopped' }, { kind: 'stopped' }]);
  expect(await failureOf(jobs.run(meeting, null))).toMatchObject({ kind: 'stopped' });
});

test('a job that its module does not export is misuse', async () => {
  const hidden = { ...meeting, name: 'hidden' };
  expect(await failureOf(openJobs().run(hidden, null))).toMatchObject({
    kind: 'misuse',
    values: { name: 'hidden', module: meeting.module },
  });
});

test('a job without a file to load it from is misuse', async () => {
  for (const module of ['', 'https://example.test/job.js', './jobs.ts']) {
    const failure = await failureOf(openJobs().run({ ...meeting, module }, null));
    expect(failure).toMatchObject({ kind: 'misuse', values: { job: 'meeting', module } });
  }
});

test('a module that cannot be loaded fails its job and no more', async () => {
  const jobs = openJobs();
  const module = new URL('./no-such-module.ts', import.meta.url).href;
  expect(await failureOf(jobs.run({ ...meeting, module }, null))).toBeInstanceOf(Error);
  expect(await jobs.run(meeting, null)).toBe('alone');
});

test('an error of a job says where in the job it was thrown', async () => {
  const failure = await failureOf(openJobs().run({ ...meeting, name: 'throwing' }, null));
  expect(failure).toBeInstanceOf(LockstepError);
  expect((failure as LockstepError).stack).toContain('job-worker');
});

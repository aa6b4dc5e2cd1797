/**
 * The contract of the jobs port. The world gives one thread, so that the order of jobs shows.
 */
import { describe, expect } from 'vitest';
import { isLockstepError } from '../../../src/kernel/errors.ts';
import { append, changed, later, refusing, sum, uncloneable } from './example-jobs.ts';
import { bytesOf, claimsIn, failureOf, kindOf, textOf, type Claim, type World } from './world.ts';

export function jobsContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Jobs`, () => {
    const claim = claimsIn(world);
    resultClaims(claim);
    failureClaims(claim);
    orderClaims(claim);
    abortClaims(claim);
  });
}

function resultClaims(claim: Claim): void {
  claim('a job gives its result, be it at once or by a promise', async ({ jobs }) => {
    expect(await jobs.run(sum, [1, 2, 3])).toBe(6);
    expect(await jobs.run(later, 'done')).toBe('done, later');
  });

  claim('input and output are clones', async ({ jobs }) => {
    const parcel = { bytes: bytesOf(1, 2), names: new Map([['own', 2n]]), at: new Date(5) };
    const result = await jobs.run(changed, parcel);
    expect(parcel).toEqual({ bytes: bytesOf(1, 2), names: new Map([['own', 2n]]), at: new Date(5) });
    const names = new Map([
      ['own', 2n],
      ['job', 1n],
    ]);
    expect(result).toEqual({ bytes: bytesOf(9, 9), names, at: new Date(5) });
  });

  claim('input is copied by the call, also of a job that waits', async ({ jobs }) => {
    const numbers = [1, 2, 3];
    const running = [jobs.run(sum, numbers), jobs.run(sum, numbers), jobs.run(sum, numbers)];
    numbers.fill(100);
    expect(await Promise.all(running)).toEqual([6, 6, 6]);
  });

  claim('a job has the disk of its process, both ways', async ({ disk, jobs }) => {
    const file = disk.open('lines', 'create');
    file?.write(new TextEncoder().encode('first\n'), 0);
    expect(await jobs.run(append, { path: 'lines', line: 'second' })).toBe(6);
    const content = new Uint8Array(100);
    const length = file?.read(content, 0);
    expect(textOf(content.subarray(0, length))).toBe('first\nsecond\n');
  });
}

function failureClaims(claim: Claim): void {
  claim('a LockstepError arrives as one, with kind, message and values', async ({ jobs }) => {
    const failure = await failureOf(() => jobs.run(refusing, 'ours'));
    expect(isLockstepError(failure, 'corrupt')).toBe(true);
    expect(failure).toMatchObject({
      message: 'the sum does not fit offset=`42`',
      values: { offset: 42 },
      happened: 'no',
      retry: false,
    });
  });

  claim('anything else arrives as an Error of its name and message', async ({ jobs }) => {
    const failure = await failureOf(() => jobs.run(refusing, 'type-error'));
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toMatchObject({ name: 'TypeError', message: 'not so' });
    expect(await failureOf(() => jobs.run(refusing, 'text'))).toMatchObject({ name: 'Error', message: 'a text alone' });
  });

  claim('a failed job takes nothing with it', async ({ jobs }) => {
    const [failed, succeeded] = await Promise.allSettled([jobs.run(refusing, 'ours'), jobs.run(sum, [4, 5])]);
    expect(failed.status).toBe('rejected');
    expect(succeeded).toEqual({ status: 'fulfilled', value: 9 });
  });

  claim('what cannot be cloned is misuse, going in and coming out', async ({ jobs }) => {
    const input = [() => 1] as unknown as number[];
    expect(await kindOf(() => jobs.run(sum, input))).toBe('misuse');
    expect(await kindOf(() => jobs.run(uncloneable, null))).toBe('misuse');
    expect(await jobs.run(sum, [1])).toBe(1);
  });

  claim('a job over what may wait is overloaded, and does not run', async ({ disk, jobs }) => {
    const asked = Array.from({ length: 10_000 }, () => jobs.run(append, { path: 'lines', line: 'x' }));
    const answers = await Promise.allSettled(asked);
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => isLockstepError(reason, 'overloaded'))).toBe(true);
    expect(disk.stat('lines')?.size).toBe(2 * (answers.length - refused.length));
  });
}

function orderClaims(claim: Claim): void {
  claim('on one thread jobs run one after the other, in the order of the calls', async ({ jobs }) => {
    const offsets = await Promise.all(
      Array.from({ length: 8 }, (_, index) => jobs.run(append, { path: 'lines', line: String(index) })),
    );
    expect(offsets).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
  });
}

function abortClaims(claim: Claim): void {
  claim('an aborted signal: its reason, and the job is not started', async ({ disk, jobs }) => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    expect(await failureOf(() => jobs.run(append, { path: 'lines', line: 'x' }, { signal }))).toBe(reason);
    await jobs.run(sum, []);
    expect(disk.stat('lines')).toBeNull();
  });

  claim('a signal that aborts while the job waits: its reason, and the job does not run', async ({ disk, jobs }) => {
    const [reason, stop] = [new Error('enough'), new AbortController()];
    const first = jobs.run(append, { path: 'first', line: 'x' });
    const second = failureOf(() => jobs.run(append, { path: 'second', line: 'x' }, { signal: stop.signal }));
    stop.abort(reason);
    expect(await second).toBe(reason);
    expect(await first).toBe(0);
    await jobs.run(sum, []);
    expect(disk.stat('second')).toBeNull();
  });

  claim('a signal that aborts while the job runs: its reason, and the thread is free afterwards', async ({ jobs }) => {
    const [reason, stop] = [new Error('enough'), new AbortController()];
    const running = failureOf(() => jobs.run(sum, [1], { signal: stop.signal }));
    stop.abort(reason);
    expect(await running).toBe(reason);
    expect(await jobs.run(sum, [2])).toBe(2);
  });

  claim('a signal that aborts after the job changes nothing', async ({ jobs }) => {
    const stop = new AbortController();
    const result = await jobs.run(sum, [1], { signal: stop.signal });
    stop.abort(new Error('late'));
    expect([result, await jobs.run(sum, [2])]).toEqual([1, 2]);
  });
}

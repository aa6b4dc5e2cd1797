/** The contract of the timers port, and of `Env.sleep`, which is built of it. */
import { describe, expect } from 'vitest';
import type { Env } from '../../../src/env/env.ts';
import type { Timers } from '../../../src/env/timers.ts';
import { elapsedMs } from '../../../src/kernel/time.ts';
import { claimsIn, failureOf, kindOf, type Claim, type World } from './world.ts';

export function timersContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Timers`, () => {
    const claim = claimsIn(world);
    afterClaims(claim);
    cancelClaims(claim);
    sleepClaims(claim);
  });
}

const due = (timers: Timers, delayMs: number): Promise<void> =>
  new Promise((resolve) => void timers.after(delayMs, resolve));

function afterClaims(claim: Claim): void {
  claim('a timer is never early by the monotonic clock', async ({ clock, timers }) => {
    const waits = [0, 0.3, 1, 1.7, 2, 3.5, 5, 8, 13, 21].map(async (delayMs) => {
      const from = clock.now();
      await due(timers, delayMs);
      expect(elapsedMs(from, clock.now())).toBeGreaterThanOrEqual(delayMs);
    });
    await Promise.all(waits);
  });

  claim('a timer is called once, and not before the code that started it has ended', async ({ timers }) => {
    let callCount = 0;
    timers.after(0, () => callCount++);
    expect(callCount).toBe(0);
    await Promise.resolve();
    expect(callCount).toBe(0);
    await due(timers, 5);
    expect(callCount).toBe(1);
  });

  claim('each timer runs in a task of its own: what it made ready runs before the next', async ({ timers }) => {
    const seen: string[] = [];
    const fire = (name: string) => (): void => {
      seen.push(name);
      void Promise.resolve().then(() => seen.push(`${name} and after`));
    };
    timers.after(1, fire('one'));
    timers.after(1, fire('two'));
    await due(timers, 5);
    expect(seen).toHaveLength(4);
    for (const name of ['one', 'two']) expect(seen[seen.indexOf(name) + 1]).toBe(`${name} and after`);
  });

  claim('delays of 0, below it, endless and not a number are taken', async ({ timers }) => {
    let endless = 0;
    const far = [Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 33, Number.MAX_SAFE_INTEGER];
    const started = far.map((delayMs) => timers.after(delayMs, () => endless++));
    await Promise.all([
      due(timers, 0),
      due(timers, -5),
      due(timers, Number.NEGATIVE_INFINITY),
      due(timers, Number.NaN),
    ]);
    await due(timers, 5);
    expect(endless).toBe(0);
    for (const timer of started) timer.cancel();
  });
}

function cancelClaims(claim: Claim): void {
  claim('a cancelled timer is not called', async ({ timers }) => {
    const seen: string[] = [];
    const [first, second] = [timers.after(2, () => seen.push('first')), timers.after(0, () => seen.push('second'))];
    timers.after(1, () => seen.push('third'));
    first.cancel();
    second.cancel();
    await due(timers, 10);
    expect(seen).toEqual(['third']);
  });

  claim('a timer may cancel another that is due at the same moment', async ({ timers }) => {
    const seen: string[] = [];
    const [one, other] = [
      timers.after(1, () => (seen.push('one'), other.cancel())),
      timers.after(1, () => (seen.push('other'), one.cancel())),
    ];
    await due(timers, 10);
    expect(seen).toHaveLength(1);
  });

  claim('cancel is harmless twice, and after the call', async ({ timers }) => {
    let callCount = 0;
    const [called, cancelled] = [timers.after(0, () => callCount++), timers.after(1, () => callCount++)];
    cancelled.cancel();
    cancelled.cancel();
    await due(timers, 5);
    called.cancel();
    expect(callCount).toBe(1);
  });
}

function sleepClaims(claim: Claim): void {
  claim('sleep resolves after at least this long', async ({ clock, sleep }) => {
    const from = clock.now();
    await sleep('7ms');
    expect(elapsedMs(from, clock.now())).toBeGreaterThanOrEqual(7);
  });

  claim('sleep rejects with the reason of a signal that is aborted, before or meanwhile', async (env) => {
    const [reason, stop] = [new Error('enough'), new AbortController()];
    const asleep = failureOf(() => env.sleep('1h', { signal: stop.signal }));
    env.timers.after(1, () => stop.abort(reason));
    expect(await asleep).toBe(reason);
    expect(await failureOf(() => env.sleep('1h', { signal: stop.signal }))).toBe(reason);
  });

  claim('a signal that is aborted after a sleep changes nothing', async (env: Env) => {
    const stop = new AbortController();
    await env.sleep('1ms', { signal: stop.signal });
    stop.abort(new Error('late'));
    await env.sleep('1ms');
  });

  claim('the signal of a process that is not to stop is not aborted', async ({ signal }) => {
    expect(signal.aborted).toBe(false);
  });

  claim('a duration without a unit is misuse', async ({ sleep }) => {
    expect(await kindOf(() => sleep('10' as '10ms'))).toBe('misuse');
  });
}

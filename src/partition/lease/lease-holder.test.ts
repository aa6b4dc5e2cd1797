/** Who holds a lease and who waits for it, over a partition that leads in the same process. */
import type { Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import { inWorld, led } from '../../../test/models/partition-world.ts';
import { LockstepError } from '../../kernel/errors.ts';
import { Waits } from '../../observe/waits.ts';
import type { LeaseAccess } from './lease-access.ts';
import { holdLease, type HoldOptions, type LeaseHolder } from './lease-holder.ts';
import { leaseService } from './lease-service.ts';

const hold = (env: Env, access: LeaseAccess, owner: string, options: Partial<HoldOptions> = {}) =>
  holdLease(env, { access, place: 'a', name: 'lock', owner, ttlMs: 1_000, ...options });

async function held(env: Env, access: LeaseAccess, owner: string, options: Partial<HoldOptions> = {}) {
  const outcome = await hold(env, access, owner, options);
  return outcome.kind === 'held' ? outcome.lease : expect.unreachable(outcome.kind);
}

/** Nobody answers while `isDown`. */
function breakable(access: LeaseAccess): { isDown: boolean; readonly access: LeaseAccess } {
  const state = { isDown: false };
  const reach = <T>(ask: () => Promise<T>): Promise<T> =>
    state.isDown ? Promise.reject(new LockstepError('unavailable', 'nobody answers')) : ask();
  return Object.assign(state, {
    access: {
      claim: (claim, signal) => reach(() => access.claim(claim, signal)),
      renew: (lease) => reach(() => access.renew(lease)),
      release: (lease) => reach(() => access.release(lease)),
      giveUp: (claim) => reach(() => access.giveUp(claim)),
    } satisfies LeaseAccess,
  });
}

describe('a holder', () => {
  test('renews for as long as it likes, and releases', async () => {
    await inWorld(async (env, log) => {
      const leases = leaseService();
      const partition = await led(env, log, { services: [leases.epochs] });
      const lease = await held(env, leases, 'ann');
      await env.sleep('10s');
      expect([lease.isHeld, lease.signal.aborted]).toEqual([true, false]);
      expect(await hold(env, leases, 'bob', { ifHeld: 'leave' })).toMatchObject({
        kind: 'taken',
        holder: { owner: 'ann' },
      });
      expect(await lease.release()).toBe('released');
      expect(lease.isHeld).toBe(false);
      await env.sleep('1ms');
      expect(lease.signal.aborted).toBe(true);
      const next = await held(env, leases, 'bob', { ifHeld: 'leave' });
      expect(next.token).toBeGreaterThan(lease.token);
      await next.release();
      await partition.close();
    });
  });

  test('that cannot renew stops before the next one begins; its late calls are fenced', async () => {
    await inWorld(async (env, log) => {
      const leases = leaseService();
      const partition = await led(env, log, { services: [leases.epochs] });
      const wire = breakable(leases);
      const first = await held(env, wire.access, 'ann');
      let lostAtMs = Infinity;
      first.signal.addEventListener('abort', () => (lostAtMs = env.clock.now()));
      await env.sleep('1500ms');
      wire.isDown = true;
      const second = await held(env, leases, 'bob');
      expect(lostAtMs).toBeLessThan(env.clock.now() - 100);
      expect(first.isHeld).toBe(false);
      wire.isDown = false;
      expect(await first.release()).toBe('fenced');
      expect(second.isHeld).toBe(true);
      await second.release();
      await partition.close();
    });
  });

  test('those who wait come in order, at once, and explain on whom they wait', async () => {
    await inWorld(async (env, log) => {
      const waits = new Waits(env.clock, env.timers);
      const leases = leaseService();
      const partition = await led(env, log, { services: [leases.epochs], waits });
      let lease: LeaseHolder = await held(env, leases, 'ann');
      const order: string[] = [];
      const waiting: Promise<LeaseHolder>[] = [];
      for (const owner of ['bob', 'cid', 'dan']) {
        waiting.push(held(env, leases, owner));
        await env.sleep('50ms');
      }
      const explained = waits.explain({ key: 'lock' });
      expect(explained.map(({ what, heldBy }) => [what, heldBy])).toEqual([0, 1, 2].map(() => ['lease', 'ann']));
      expect(explained[0]?.waitsFor).toContain('held until');
      expect(explained[0]?.deadline).not.toBeNull();
      for (const next of waiting) {
        const releasedAt = env.clock.now();
        await lease.release();
        lease = await next;
        expect(env.clock.now() - releasedAt).toBeLessThan(50);
        order.push(waits.explain({ key: 'lock' })[0]?.heldBy ?? 'nobody waits');
      }
      expect(order).toEqual(['bob', 'cid', 'nobody waits']);
      await lease.release();
      await partition.close();
      expect(waits.explain()).toEqual([]);
    });
  });

  test('a deadline and a signal end the wait, and the turn is given up', async () => {
    await inWorld(async (env, log) => {
      const leases = leaseService();
      const partition = await led(env, log, { services: [leases.epochs] });
      const first = await held(env, leases, 'ann');
      const stop = new AbortController();
      const stopped = hold(env, leases, 'bob', { signal: stop.signal });
      const late = hold(env, leases, 'cid', { withinMs: 300 });
      env.timers.after(200, () => stop.abort(new Error('enough')));
      await expect(stopped).rejects.toThrow('enough');
      expect(await late).toEqual({ kind: 'late' });
      await first.release();
      const next = await held(env, leases, 'dan', { ifHeld: 'leave' });
      await next.release();
      await partition.close();
    });
  });

  test('a change of leader keeps the lease, the turn, and the tokens', async () => {
    await inWorld(async (env, log) => {
      const [one, two] = [leaseService(), leaseService()];
      const first = await led(env, log, { services: [one.epochs], owner: 'one', directory: 'one' });
      const ask = <T extends { readonly kind: string }>(call: (access: LeaseAccess) => Promise<T>): Promise<T> =>
        call(one).then((answer) => (answer.kind === 'not-leader' ? call(two) : answer));
      const access: LeaseAccess = {
        claim: (claim, signal) => ask((to) => to.claim(claim, signal)),
        renew: (lease) => ask((to) => to.renew(lease)),
        release: (lease) => ask((to) => to.release(lease)),
        giveUp: (claim) => ask((to) => to.giveUp(claim)),
      };
      const ann = await held(env, access, 'ann', { ttlMs: 3_000 });
      const bob = held(env, access, 'bob', { ttlMs: 3_000 });
      await env.sleep('100ms');
      const cid = held(env, access, 'cid', { ttlMs: 3_000 });
      await env.sleep('100ms');
      await first.close();
      const second = await led(env, log, { services: [two.epochs], owner: 'two', directory: 'two' });
      await env.sleep('5s');
      expect(ann.isHeld).toBe(true);
      await ann.release();
      const next = await bob;
      expect(next.token).toBeGreaterThan(ann.token);
      await next.release();
      const last = await cid;
      expect(last.token).toBeGreaterThan(next.token);
      await last.release();
      await second.close();
    });
  });
});

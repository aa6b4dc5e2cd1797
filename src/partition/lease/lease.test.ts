/** Leases in transactions of a partition over a log in memory. */
import { describe, expect, test } from 'vitest';
import { committed, inWorld, led } from '../../../test/models/partition-world.ts';
import type { Partition } from '../partition.ts';
import type { Transaction } from '../transaction.ts';
import type { FencingToken } from './lease-state.ts';
import {
  claimLease,
  expireLease,
  giveUpLease,
  leaseStatus,
  releaseLease,
  renewLease,
  requireLease,
  type ClaimOutcome,
} from './lease.ts';

const name = 'lock';
const claim = (id: string, waitMs = 0, ttlMs = 1_000) => ({ name, id, owner: `owner of ${id}`, ttlMs, waitMs });

const ask = (partition: Partition, id: string, waitMs?: number) =>
  committed(partition, 'a', (tx) => claimLease(tx, claim(id, waitMs))) as Promise<ClaimOutcome>;

const granted = (outcome: ClaimOutcome): FencingToken =>
  outcome.kind === 'granted' ? outcome.token : expect.unreachable(outcome.kind);

async function statusOf(partition: Partition) {
  const snapshot = await partition.read('linearizable');
  if (snapshot.kind !== 'snapshot') expect.unreachable();
  const status = leaseStatus(snapshot, { place: 'a', name });
  snapshot[Symbol.dispose]();
  return status;
}

describe('a lease', () => {
  test('is held by one, told again to who asks with the same id, and refused to others', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const token = granted(await ask(partition, 'one'));
      expect(await ask(partition, 'one')).toMatchObject({ kind: 'granted', token, isNew: false });
      expect(await ask(partition, 'two')).toMatchObject({ kind: 'held', holder: { owner: 'owner of one' } });
      const elsewhere = await committed(partition, 'b', (tx) => claimLease(tx, claim('two')));
      expect(elsewhere).toMatchObject({ kind: 'granted', isNew: true });
      const renewed = await committed(partition, 'a', (tx) => renewLease(tx, { name, token }));
      expect(renewed).toMatchObject({ kind: 'renewed' });
      expect(await committed(partition, 'a', (tx) => releaseLease(tx, { name, token }))).toBe('released');
      expect(await committed(partition, 'a', (tx) => releaseLease(tx, { name, token }))).toBe('fenced');
      expect(await committed(partition, 'a', (tx) => renewLease(tx, { name, token }))).toEqual({ kind: 'fenced' });
      expect(granted(await ask(partition, 'two'))).toBeGreaterThan(token);
      await partition.close();
    });
  });

  test('a token is never given twice: after releases, in one transaction, by the next leader', async () => {
    await inWorld(async (env, log) => {
      const tokens: number[] = [];
      for (let epoch = 0; epoch < 3; epoch++) {
        const partition = await led(env, log);
        for (let count = 0; count < 3; count++) {
          const cycle = (tx: Transaction): number[] =>
            ['x', 'y', 'z'].map((id) => {
              const token = granted(claimLease(tx, claim(id)));
              releaseLease(tx, { name, token });
              return token;
            });
          tokens.push(...((await committed(partition, 'a', cycle)) as number[]));
          const token = granted(await ask(partition, 'w'));
          tokens.push(token);
          await committed(partition, 'a', (tx) => releaseLease(tx, { name, token }));
        }
        await partition.close();
      }
      expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b));
      expect(tokens.length).toBe(36);
    });
  });

  test('goes to those who wait, in order, past those who gave up and whose deadline has come', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const token = granted(await ask(partition, 'one'));
      expect(await ask(partition, 'two', 5_000)).toMatchObject({ kind: 'waiting', behind: 0 });
      expect(await ask(partition, 'three', 100)).toMatchObject({ kind: 'waiting', behind: 1 });
      expect(await ask(partition, 'four', 5_000)).toMatchObject({ kind: 'waiting', behind: 2 });
      expect(await ask(partition, 'five', 5_000)).toMatchObject({ kind: 'waiting', behind: 3 });
      expect(await ask(partition, 'four', 5_000)).toMatchObject({ kind: 'waiting', behind: 2 });
      const status = await statusOf(partition);
      expect(status.holder).toMatchObject({ owner: 'owner of one', token });
      expect(status.waiters.map(({ owner }) => owner)).toEqual(
        ['two', 'three', 'four', 'five'].map((id) => `owner of ${id}`),
      );
      expect(await committed(partition, 'a', (tx) => giveUpLease(tx, { name, id: 'two' }))).toBe('given-up');
      expect(await committed(partition, 'a', (tx) => giveUpLease(tx, { name, id: 'two' }))).toBe('absent');
      await env.sleep('200ms');
      await committed(partition, 'a', (tx) => releaseLease(tx, { name, token }));
      expect((await statusOf(partition)).holder).toMatchObject({ owner: 'owner of four' });
      expect(await committed(partition, 'a', (tx) => giveUpLease(tx, { name, id: 'four' }))).toBe('released');
      const last = await statusOf(partition);
      expect([last.holder?.owner, last.waiters]).toEqual(['owner of five', []]);
      await partition.close();
    });
  });

  test('so many may wait, and no more; those whose deadline has come make room', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      await ask(partition, 'one');
      const wait = (id: string) =>
        committed(partition, 'a', (tx) => claimLease(tx, { ...claim(id, 100), waitersMax: 2 }));
      expect([await wait('two'), await wait('three'), await wait('four')]).toMatchObject([
        { kind: 'waiting' },
        { kind: 'waiting' },
        { kind: 'full' },
      ]);
      await env.sleep('200ms');
      expect(await wait('four')).toMatchObject({ kind: 'waiting', behind: 0 });
      await partition.close();
    });
  });

  test('whoever shows an old token is refused, and writes nothing', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const token = granted(await ask(partition, 'one'));
      const write = (shown: FencingToken) =>
        partition.transact('a', (tx) => {
          tx.set(['by'], shown);
          return requireLease(tx, { name, token: shown }) ?? 'written';
        });
      expect(await write(token)).toMatchObject({ kind: 'committed', value: 'written' });
      await committed(partition, 'a', (tx) => releaseLease(tx, { name, token }));
      const next = granted(await ask(partition, 'two'));
      const details = { name, heldBy: 'owner of two' };
      expect(await write(token)).toEqual({ kind: 'rejected', code: 'fenced', details });
      expect(await committed(partition, 'a', (tx) => tx.get(['by']) ?? 0)).toBe(token);
      expect(await write(next)).toMatchObject({ kind: 'committed' });
      await partition.close();
    });
  });

  test('is not taken before its time in the partition, and not by an old token', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      const token = granted(await ask(partition, 'one'));
      const expire = () => committed(partition, 'a', (tx) => expireLease(tx, { name, token }));
      expect(await expire()).toMatchObject({ kind: 'held' });
      await env.sleep('1100ms');
      expect(await expire()).toEqual({ kind: 'expired' });
      expect(await expire()).toEqual({ kind: 'gone' });
      await partition.close();
    });
  });

  test('what is no claim is misuse', async () => {
    await inWorld(async (env, log) => {
      const partition = await led(env, log);
      for (const wrong of [{ name: '' }, { ttlMs: 0 }, { ttlMs: 0.5 }, { waitMs: -1 }, { id: 'x'.repeat(1_001) }]) {
        const asked = partition.transact('a', (tx) => claimLease(tx, { ...claim('one'), ...wrong }));
        await expect(asked).rejects.toMatchObject({ kind: 'misuse' });
      }
      await partition.close();
    });
  });
});

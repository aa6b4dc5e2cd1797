/** A leader whose time of day is set, over a log in memory, in a calm world. */
import type { Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { committed, inWorld, led, withAppends } from '../../test/models/partition-world.ts';
import { hybridWall } from '../clock/timestamp.ts';
import { wallTime } from '../kernel/time.ts';
import type { Log } from '../log/port.ts';
import { Waits } from '../observe/waits.ts';
import { timerService } from './timer/timer-service.ts';
import { setTimer } from './timer/timer.ts';

const hourMs = 3_600_000;

/** The env, with a time of day that can be set. */
function settable({ clock, timers, randomness, disk, jobs, ownership }: Env) {
  const off = { ms: 0 };
  const shown = { now: () => clock.now(), wall: () => wallTime(clock.wall() + off.ms) };
  return { off, env: { clock: shown, timers, randomness, disk, jobs, ownership } as Env };
}

/** So that it is in the middle of an append when it steps down. */
const slowlyAppending = ({ sleep }: Env, log: Log): Log =>
  withAppends(log, async (append) => {
    await sleep('100ms');
    return append();
  });

test('time goes on without a jump ahead, then the leader steps down for its clock; it leads again when nobody else does', async () => {
  await inWorld(async (real, log) => {
    const { env, off } = settable(real);
    const fired: number[] = [];
    const handlers = { k: () => void fired.push(real.clock.wall()) };
    const waits = new Waits(env.clock, env.timers);
    const partition = await led(env, log, { services: [timerService({ handlers })], waits });
    const nowMs = (): Promise<number> => committed(partition, null, (tx) => hybridWall(tx.now)) as Promise<number>;
    await committed(partition, 'a', (tx) => setTimer(tx, { kind: 'k', name: 'x', after: '2s' }).kind);
    const beforeMs = await nowMs();
    off.ms = hourMs;
    await real.sleep('1s');
    expect((await nowMs()) - beforeMs).toBeLessThan(1_100);
    expect(fired).toEqual([]);
    await real.sleep('1500ms');
    expect(fired.length).toBe(1);
    await real.sleep('4s');
    expect(partition.status).toMatchObject({ kind: 'following', lastEnd: { kind: 'clock' } });
    await real.sleep('2s');
    expect(waits.explain()).toContainEqual(
      expect.objectContaining({ waitsFor: expect.stringContaining('jumped ahead by 3600000 ms') as string }),
    );
    await partition.leading();
    expect((await nowMs()) - beforeMs).toBeGreaterThan(hourMs);
    await partition.close();
  });
});

test('while it steps down it leads no more: whoever asks is not told that this node is closing (machine, seed 742)', async () => {
  await inWorld(async (real, log) => {
    const { env, off } = settable(real);
    const partition = await led(env, slowlyAppending(real, log));
    off.ms = hourMs;
    const told = new Set<string>();
    const asked: Promise<unknown>[] = [];
    for (let ms = 0; ms < 6_000; ms += 10) {
      const outcome = partition.transact('a', (tx) => tx.set(['x'], 1));
      asked.push(outcome.then((one) => told.add(one.kind === 'refused' ? one.reason : one.kind)));
      await real.sleep('10ms');
    }
    await Promise.all(asked);
    expect(partition.status.lastEnd).toEqual({ kind: 'clock' });
    expect([...told].toSorted()).toEqual(['committed', 'not-leader']);
    await partition.close();
  });
});

test('a jump that is taken back in time ends nothing', async () => {
  await inWorld(async (real, log) => {
    const { env, off } = settable(real);
    const waits = new Waits(env.clock, env.timers);
    const partition = await led(env, log, { waits });
    const { epoch } = partition.status;
    off.ms = hourMs;
    await committed(partition, 'a', (tx) => tx.set(['x'], 1) ?? null);
    await real.sleep('3s');
    expect(waits.explain().map(({ what, waitsFor }) => [what, waitsFor])).toEqual([
      ['lead', expect.stringContaining('jumped ahead by 3600000 ms')],
    ]);
    off.ms = 0;
    await committed(partition, 'a', (tx) => tx.set(['x'], 2) ?? null);
    expect(waits.explain()).toEqual([]);
    await real.sleep('20s');
    expect(partition.status).toMatchObject({ kind: 'leading', epoch, lastEnd: null });
    await partition.close();
  });
});

test('a clock that is set back for too long ends leading with its name', async () => {
  await inWorld(async (real, log) => {
    const { env, off } = settable(real);
    const waits = new Waits(env.clock, env.timers);
    const partition = await led(env, log, { waits });
    off.ms = -60_000;
    expect(await partition.transact('a', (tx) => tx.set(['x'], 1))).toEqual({ kind: 'refused', reason: 'clock' });
    expect(waits.explain().map(({ what, waitsFor }) => [what, waitsFor])).toEqual([
      ['lead', expect.stringMatching(/is behind by (59|60)\d{3} ms/)],
    ]);
    await real.sleep('6s');
    expect(partition.status.lastEnd).toEqual({ kind: 'clock' });
    await partition.close();
  });
});

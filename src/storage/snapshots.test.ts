/** Which revisions are held, against a list of holders. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Snapshots } from './snapshots.ts';

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('advance' as const), by: fc.nat(3) }),
    fc.record({
      kind: fc.constant('hold' as const),
      below: fc.integer({ min: -2, max: 6 }),
      forMs: fc.option(fc.nat(20)),
    }),
    fc.record({ kind: fc.constant('release' as const), which: fc.nat(5) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(8) }),
  ),
  { maxLength: 60 },
);

test('the oldest, the count, the floor and who is over its time', () => {
  fc.assert(
    fc.property(steps, (all) => {
      let [newest, floor, nowMs] = [10, -1, 0];
      const snapshots = new Snapshots(newest, (to) => (floor = to));
      const held: { revision: number; untilMs: number; isExpired: boolean; release(): void }[] = [];
      const live = () => held.filter(({ isExpired }) => !isExpired);
      for (const step of all) {
        if (step.kind === 'advance') snapshots.advance((newest += step.by));
        else if (step.kind === 'wait') {
          nowMs += step.ms;
          snapshots.expire(nowMs);
          for (const { untilMs, isExpired } of held) expect(isExpired).toBe(untilMs <= nowMs);
        } else if (step.kind === 'hold') {
          const revision = newest - step.below;
          const untilMs = step.forMs === null ? Infinity : nowMs + 1 + step.forMs;
          const limit = step.forMs === null ? null : { untilMs, onExpired: () => void (one.isExpired = true) };
          const one = { revision, untilMs, isExpired: false, release: () => {} };
          one.release = snapshots.hold(revision, limit).release;
          held.push(one);
        } else {
          const [one] = held.splice(step.which, 1);
          one?.release();
          one?.release();
        }
        expect(snapshots.count).toBe(live().length);
        const oldest = Math.min(...live().map(({ revision }) => revision));
        expect(snapshots.oldest).toBe(oldest === Infinity ? null : oldest);
        if (step.kind === 'advance') expect(floor).toBe(Math.min(oldest, newest));
        else expect(floor).toBeLessThanOrEqual(newest);
      }
      for (const { release } of held) release();
      if (held.length > 0) expect(snapshots.count).toBe(0);
    }),
  );
});

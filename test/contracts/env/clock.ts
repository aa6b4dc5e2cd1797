/** The contract of the clock port, and of the verbs of `Env` that tell the time. */
import { describe, expect } from 'vitest';
import { elapsedMs } from '../../../src/kernel/time.ts';
import { claimsIn, type World } from './world.ts';

export function clockContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Clock`, () => {
    const claim = claimsIn(world);

    claim('now never runs back', async ({ clock, sleep }) => {
      let last = clock.now();
      for (let round = 0; round < 5; round++) {
        for (let index = 0; index < 1_000; index++) {
          const next = clock.now();
          expect(next >= last).toBe(true);
          last = next;
        }
        await sleep('1ms');
      }
    });

    claim('now moves on across a wait', async ({ clock, sleep }) => {
      const from = clock.now();
      await sleep('3ms');
      expect(elapsedMs(from, clock.now())).toBeGreaterThanOrEqual(3);
    });

    claim('now starts at or after the origin of this process', async ({ clock }) => {
      expect(clock.now()).toBeGreaterThanOrEqual(0);
    });

    claim('wall is a whole number of milliseconds, and what env.now() says', async (env) => {
      const before = env.clock.wall();
      const now = env.now();
      const after = env.clock.wall();
      expect(Number.isSafeInteger(before)).toBe(true);
      expect(now).toBeInstanceOf(Date);
      expect(now.getTime()).toBeGreaterThanOrEqual(before);
      expect(now.getTime()).toBeLessThanOrEqual(after);
    });
  });
}

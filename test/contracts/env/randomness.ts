/** The contract of the randomness port, and of the verbs of `Env` that draw from it. */
import { describe, expect } from 'vitest';
import { claimsIn, type World } from './world.ts';

export function randomnessContract(name: string, world: World): void {
  describe(`${name} keeps the contract of Randomness`, () => {
    const claim = claimsIn(world);

    claim('uint32 gives whole numbers of 32 bits, each bit set about half of the time', async ({ randomness }) => {
      const setCounts = new Array<number>(32).fill(0);
      for (let index = 0; index < 2_000; index++) {
        const drawn = randomness.uint32();
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < 2 ** 32).toBe(true);
        for (let bit = 0; bit < 32; bit++) setCounts[bit] = (setCounts[bit] as number) + ((drawn >>> bit) & 1);
      }
      // 1,000 ± 22 is one standard deviation; ten of them are not seen by chance.
      for (const count of setCounts) expect(Math.abs(count - 1_000)).toBeLessThan(224);
    });

    claim('float and env.random() are at least 0 and below 1', async (env) => {
      for (const draw of [() => env.randomness.float(), env.random]) {
        const drawn = Array.from({ length: 1_000 }, draw);
        expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
        expect(new Set(drawn).size).toBe(1_000);
      }
    });

    claim('below keeps its bound, and reaches every number under it', async ({ randomness }) => {
      expect(randomness.below(1)).toBe(0);
      expect(randomness.below(2 ** 32)).toBeLessThan(2 ** 32);
      const seen = new Set(Array.from({ length: 500 }, () => randomness.below(7)));
      expect([...seen].toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    });

    claim('fill fills all of an array of any length, and nothing beside it', async ({ randomness }) => {
      for (const length of [0, 1, 3, 1_000, 70_000]) {
        const whole = new Uint8Array(length + 2);
        randomness.fill(whole.subarray(1, length + 1));
        expect([whole[0], whole[length + 1]]).toEqual([0, 0]);
        const zeroCount = whole.filter((byte) => byte === 0).length - 2;
        expect(zeroCount).toBeLessThan(20 + length / 64);
      }
    });

    claim('new ids differ, are UUIDs of version 7, and are ordered by their time', async (env) => {
      const ids = Array.from({ length: 1_000 }, env.newId);
      expect(new Set(ids).size).toBe(1_000);
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      await env.sleep('3ms');
      expect(env.newId() > (ids.at(-1) as string)).toBe(true);
    });
  });
}

import { expect, test } from 'vitest';
import { otherDisk } from '../../test/sim/services/other-disk.ts';
import { simulate } from '../sim/simulate.ts';
import { Claims } from './file-claims.ts';

test('who is stopped between looking and claiming, while others claim and tidy up, revives no old number', async () => {
  await simulate({ seeds: 1, weather: 'calm' }, (world) =>
    world.run('machine', async ({ disk }) => {
      disk.makeDirectory('log');
      const others = new Claims(disk, 'log', null);
      expect(await others.claim(() => {})).toBe(1);
      let looked = disk.list('log');
      const late = otherDisk(disk, {
        list: (directory) => {
          const seen = looked ?? disk.list(directory);
          looked = null;
          return seen;
        },
      });
      for (const next of [2, 3, 4]) expect(await others.claim(() => {})).toBe(next);
      const claimed: number[] = [];
      expect(await new Claims(late, 'log', null).claim((mine) => claimed.push(mine))).toBe(5);
      expect(claimed).toEqual([5]);
      expect(disk.list('log')?.map(({ name }) => name)).toEqual(['claim-0000000005']);
    }),
  );
});

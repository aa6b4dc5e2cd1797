/**
 * The journal on a disk that forgives nothing. What opens again is what was answered for, and of the rest a beginning,
 * in order, each once. A seed plays one of three acts: one journal that is appended to, trimmed and cut; many streams
 * in one; a bit that flips.
 */
import type { Disk } from 'lockstep/env';
import type { Scenario } from '../scenario.ts';
import { afterItsFirstSync, otherDisk, skipsSync, syncsLate } from '../services/other-disk.ts';
import { openCutting, rotted } from '../wal-rot.ts';
import { everything, openAtEnd, openRight, scenario as storm } from '../wal-storm.ts';
import { streamsScenario } from '../wal-streams.ts';

const wrongDisks: Readonly<Record<string, (disk: Disk) => Disk>> = {
  'skips-the-sync': (disk) => otherDisk(disk, {}, afterItsFirstSync(skipsSync)),
  'acknowledges-early': (disk) => otherDisk(disk, {}, afterItsFirstSync(syncsLate)),
  'forgets-the-directory-sync': (disk) => otherDisk(disk, { syncDirectory: async () => {} }),
};
const cutsMarkedDamage = 'cuts-marked-damage';

export const walScenario: Scenario = {
  name: 'wal',
  about: 'a journal is appended to, trimmed and cut, through crashes, torn writes and failing disks; or a bit flips',
  bugs: [...Object.keys(wrongDisks), cutsMarkedDamage],
  async run(world, bug) {
    const disk = bug === null ? undefined : wrongDisks[bug];
    if (disk !== undefined) return storm({ ...everything, disk })(world);
    if (bug === cutsMarkedDamage) return rotted(openCutting)(world);
    const act = world.random.pick(['one journal', 'one journal', 'many streams', 'rot'] as const);
    if (act === 'one journal') await storm({ ...everything, cuts: world.random.chance(0.6) })(world);
    else if (act === 'rot') await rotted(world.random.pick([openRight, openAtEnd]))(world);
    else await streamsScenario(world);
  },
};

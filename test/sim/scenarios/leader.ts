/** Three candidates for one lease: what a deposed leader writes must never overwrite what its successor wrote. */
import type { Scenario } from '../scenario.ts';
import { candidate, register, type Write } from '../services/lease.ts';

const candidates = ['node-1', 'node-2', 'node-3'] as const;

export const leaderScenario: Scenario = {
  name: 'leader',
  about: 'a leader by lease writes to a register, which refuses the fencing token of a deposed one',
  bugs: ['split-brain-by-timeout'],
  async run(world, bug) {
    const writes: Write[] = [];
    const checksToken = bug !== 'split-brain-by-timeout';
    // The register keeps its value in memory: the journal is about disks.
    void world.run('store', (env) => register(env, 'store:5', { writes, checksToken }), { steady: true });
    for (const name of candidates) void world.run(name, (env) => candidate(env, name, 'store:5'));
    world.always('no deposed leader overwrites a newer one', () => {
      const [before, last] = writes.slice(-2);
      return before === undefined || last === undefined || before.token <= last.token;
    });
    await world.sleep('2s');
    world.heal();
    const written = writes.length;
    await world.until('somebody leads again', () => writes.length >= written + 3);
  },
};

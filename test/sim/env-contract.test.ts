/** The simulated world keeps the contracts of every port, in a calm world of one machine. */
import type { Env } from '../../src/env/env.ts';
import { simulate } from '../../src/sim/simulate.ts';
import { clockContract } from '../contracts/env/clock.ts';
import { diskContract } from '../contracts/env/disk.ts';
import { fetchContract } from '../contracts/env/fetch.ts';
import { jobsContract } from '../contracts/env/jobs.ts';
import { networkContract } from '../contracts/env/network.ts';
import { randomnessContract } from '../contracts/env/randomness.ts';
import { timersContract } from '../contracts/env/timers.ts';
import type { World } from '../contracts/env/world.ts';

const simulated: World = {
  host: 'machine',
  run: async (body: (env: Env) => Promise<void>): Promise<void> => {
    await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('machine', body));
  },
};

clockContract('sim', simulated);
diskContract('sim', simulated);
fetchContract('sim', simulated);
jobsContract('sim', simulated);
networkContract('sim', simulated);
randomnessContract('sim', simulated);
timersContract('sim', simulated);

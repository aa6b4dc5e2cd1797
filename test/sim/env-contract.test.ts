/** The simulated world keeps the contracts of every port, in a calm world of one machine. */
import { simulate } from '../../src/sim/simulate.ts';
import { envContract } from '../contracts/env/env.ts';

envContract('sim', {
  host: 'machine',
  run: async (body) => {
    await simulate({ seeds: 1, weather: 'calm' }, (world) => world.run('machine', body));
  },
});

/** The simulated engine keeps the contract of logs: a service on another machine, in calm weather. */
import { simulate } from '../../src/sim/simulate.ts';
import { MemoryStores } from '../../src/log/memory.ts';
import { storeEngine } from '../../src/log/store-engine.ts';
import { FaultyStores, logContractOf } from '../contracts/log.ts';
import { logService, remoteStores } from '../../src/sim/cluster/log-service.ts';

const config = { silenceMs: 500, pauseMsMax: 100, attemptMsMax: 1_000 };
const options = { resendCount: 1, doubled: { probability: 0.1, laterMsMax: 50 } };

logContractOf('the simulated engine', {
  run: async (body) => {
    await simulate({ seeds: 1, weather: 'calm' }, async (world) => {
      const kept = new MemoryStores();
      void world.run('logs', (env) => logService(env, 'logs:1', kept));
      await world.run('machine', async (env) => {
        const stores = new FaultyStores(remoteStores(env, 'logs:1', options));
        const engine = storeEngine(env, stores, { config });
        const other = storeEngine(env, remoteStores(env, 'logs:1', options), { config });
        await body({ env, engine, other, faults: stores.faults });
        await engine.close();
        await other.close();
      });
    });
  },
  reasons: { stopWriter: 'the service has no write and no sync to stop between' },
});

/** A thread of `npm run sim`: runs the seeds that it is told, one after the other, and asks for more by telling how they went. */
import { parentPort, workerData } from 'node:worker_threads';
import { runSeed, type Plan, type SeedResult } from './sim-seeds.ts';

const plan = workerData as Plan;
const port = parentPort;
if (port === null) throw new Error('this is a thread of tools/sim.ts');

async function runAll(seeds: readonly number[]): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  for (const seed of seeds) {
    const result = await runSeed(plan, seed);
    results.push(result.kind === 'found' ? result : { kind: 'ran', ran: { ...result.ran, events: [] } });
    if (result.kind === 'found') break;
  }
  return results;
}

// What is no finding rejects, which ends the thread and is told to the pool.
port.on('message', (seeds: readonly number[]) => void runAll(seeds).then((results) => port.postMessage(results)));

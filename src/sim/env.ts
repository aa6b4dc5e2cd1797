import type { Env } from '../env/env.ts';
import { envOf } from '../env/verbs.ts';
import { clockOf } from './clock.ts';
import { SimDisk } from './disk.ts';
import type { Fabric } from './fabric.ts';
import { fetchOf } from './fetch.ts';
import { SimJobs } from './jobs.ts';
import type { Process } from './machine.ts';
import { SimNetwork } from './network.ts';
import { SimOwnership } from './ownership.ts';
import { SimRandomness } from './randomness.ts';
import { timersOf } from './timers.ts';
import type { Web } from './web.ts';

/** Everything one process sees of the simulated world. */
export function simEnv(process: Process, fabric: Fabric, web: Web, signal: AbortSignal): Env {
  return envOf({
    clock: clockOf(process),
    timers: timersOf(process),
    randomness: new SimRandomness(process),
    disk: new SimDisk(process),
    ownership: new SimOwnership(process),
    network: new SimNetwork(process, fabric),
    jobs: new SimJobs(process),
    fetch: fetchOf(process, web),
    signal,
  });
}

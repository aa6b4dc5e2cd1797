/** The contracts of all ports at once: what a world passes to be one. */
import { clockContract } from './clock.ts';
import { diskContract } from './disk.ts';
import { diskFileContract } from './disk-file.ts';
import { fetchContract } from './fetch.ts';
import { jobsContract } from './jobs.ts';
import { networkContract } from './network.ts';
import { ownershipContract } from './ownership.ts';
import { randomnessContract } from './randomness.ts';
import { timersContract } from './timers.ts';
import type { World } from './world.ts';

export function envContract(name: string, world: World): void {
  clockContract(name, world);
  timersContract(name, world);
  randomnessContract(name, world);
  diskContract(name, world);
  diskFileContract(name, world);
  ownershipContract(name, world);
  networkContract(name, world);
  jobsContract(name, world);
  fetchContract(name, world);
}

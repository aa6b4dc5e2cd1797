/** What runs inside the page, and the same in Node: the scenarios, and what identifies each of their runs. */
import { simulate } from 'lockstep/sim';
import { catalogue } from '../sim/catalogue.ts';

export interface RunOfSeed {
  readonly seed: number;
  readonly fingerprint: string;
  readonly eventCount: number;
}

export async function runSeeds(name: string, seeds: number): Promise<readonly RunOfSeed[]> {
  const scenario = catalogue.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario '${name}'`);
  const runs: RunOfSeed[] = [];
  const onSeed = ({ seed, fingerprint, eventCount }: RunOfSeed): void => {
    runs.push({ seed, fingerprint, eventCount });
  };
  await simulate({ seeds, twice: false, onSeed }, (world) => scenario.run(world, null));
  return runs;
}

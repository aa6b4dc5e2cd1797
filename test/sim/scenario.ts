import type { World } from 'lockstep/sim';

/** A system under test, its faults and what must hold, with the bugs that can be planted in it to test the tester. */
export interface Scenario {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** What `run` can be asked to plant; each must be found within 200 seeds. */
  readonly bugs: readonly string[];
  run(world: World, bug: string | null): Promise<void>;
}

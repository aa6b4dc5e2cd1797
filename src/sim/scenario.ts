/** A scenario as a value: what a test runs over a few seeds, and `lockstep sim` over as many as there is time for. */
import type { AppOptions, NoApp, WorldOf } from './cluster/app-world.ts';
import type { SimulateOptions } from './simulate.ts';

/** What a scenario needs, but for the seeds: those are chosen by whoever runs it. */
export type ScenarioOptions<Missing> = AppOptions<Missing> & Pick<SimulateOptions, 'weather' | 'within'>;

export type Scenario<Missing = NoApp> = ScenarioOptions<Missing> & {
  readonly kind: 'scenario';
  readonly run: (world: WorldOf<Missing>) => Promise<void>;
};

/**
 * A scenario with what it needs. `lockstep sim FILE` runs those that a module exports; a test runs one as
 * `simulate({ ...payday, seeds: 20 }, payday.run)`.
 */
export function scenario<Missing = NoApp>(
  options: ScenarioOptions<Missing>,
  run: (world: WorldOf<Missing>) => Promise<void>,
): Scenario<Missing> {
  return { ...options, kind: 'scenario', run };
}

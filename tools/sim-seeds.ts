/** Runs some seeds of a scenario: what `npm run sim` does in its own thread, and in each of its workers. */
import { simulate, SimulationFailure, type TraceEvent } from 'lockstep/sim';
import { catalogue } from '../test/sim/catalogue.ts';

/** What is run, the seeds aside: plain data, so that it can be told to another thread. */
export interface Plan {
  readonly scenario: string;
  readonly bug: string | null;
  readonly weather: 'calm' | 'stormy';
  /** Of so many seeds one is run a second time and compared; 0: none. */
  readonly againEvery: number;
}

export interface SeedRan {
  readonly seed: number;
  readonly eventCount: number;
  readonly worldMs: number;
  readonly isTwice: boolean;
  readonly events: readonly TraceEvent[];
}

/** A failure as it is told to a person; an error would lose its fields on the way to another thread. */
export interface SeedFound {
  readonly seed: number;
  readonly verdict: string;
  readonly message: string;
  readonly causeStack: string | null;
  readonly events: readonly TraceEvent[];
}

export type SeedResult =
  | { readonly kind: 'ran'; readonly ran: SeedRan }
  | { readonly kind: 'found'; readonly found: SeedFound };

/** @throws what is no finding: a bug of the simulator, or of this tool. */
export async function runSeed(plan: Plan, seed: number): Promise<SeedResult> {
  const { scenario: name, bug, weather, againEvery } = plan;
  const scenario = catalogue.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario '${name}'`);
  const isTwice = againEvery > 0 && seed % againEvery === 0;
  let ran: SeedResult | null = null;
  try {
    await simulate(
      {
        seeds: { only: seed },
        weather,
        twice: isTwice,
        command: (one) => replayCommand(plan, one),
        onSeed: ({ eventCount, worldMs, events }) => {
          ran = { kind: 'ran', ran: { seed, eventCount, worldMs, isTwice, events } };
        },
      },
      (world) => scenario.run(world, bug),
    );
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    const { verdict, message, events, cause } = error;
    const causeStack = cause instanceof Error ? (cause.stack ?? null) : null;
    return { kind: 'found', found: { seed, verdict, message, causeStack, events } };
  }
  if (ran === null) throw new Error(`seed ${seed} came to no result`);
  return ran;
}

function replayCommand({ scenario, bug, weather }: Plan, seed: number): string {
  const planted = bug === null ? '' : ` --bug ${bug}`;
  const weatherWords = weather === 'stormy' ? '' : ` --weather ${weather}`;
  return `npm run sim -- ${scenario} --seed ${seed}${planted}${weatherWords}`;
}

/**
 * What the simulator costs: due events a second on one core, scenario by scenario, and what one step costs beyond the
 * turn of the host's loop and the callback that it runs.
 */
import { simulate, type World } from 'lockstep/sim';
import { hostTurn } from '../src/sim/turn.ts';
import { catalogue } from '../test/sim/catalogue.ts';
import type { Scenario } from '../test/sim/scenario.ts';
import type { Row, Side, Suite, WorkDone } from './harness.ts';

const eventsMin = 10_000;
const beyondMax = 3;

export const suite: Suite = {
  about:
    'Due events a second and core. What services do in an event is counted in: web requests are made of the ' +
    "host's own Request and Response, and cost several times a frame.",
  // Of a quick run two: a scenario is run by its own tests, and their rows are made alike.
  rows: ({ quick }) => [
    stepRow(quick ? 500 : 100_000),
    ...(quick ? catalogue.slice(0, 2) : catalogue).map((scenario) => scenarioRow(scenario, quick)),
  ],
};

function stepRow(operations: number): Row {
  return {
    name: 'one step of an empty world',
    unit: 'step',
    operations,
    reference: 'host',
    checksums: 'equal',
    sides: [
      { name: 'host', prepare: (count) => () => bareTurns(count) },
      { name: 'world', prepare: (count) => () => worldTurns(count) },
      { name: 'timers of a service', prepare: (count) => () => serviceTurns(count) },
    ],
    goal: {
      says: `a step of the world costs at most ${beyondMax} µs more than a turn of the host with the same callback`,
      met: (results) => {
        const [host, world] = ['host', 'world'].map((side) => results.get(side)?.microseconds ?? Number.NaN);
        return (world ?? Number.NaN) - (host ?? Number.NaN) <= beyondMax;
      },
    },
  };
}

/** The same work each turn on all sides: one number after the other, mixed into a sum. */
class Sum {
  #value = 0;
  #turns = 0;

  add(): number {
    this.#value = (Math.imul(this.#value, 31) + ++this.#turns) | 0;
    return this.#turns;
  }

  get value(): number {
    return this.#value;
  }
}

/** The host's turn exactly as the simulator takes it. */
async function bareTurns(count: number): Promise<number> {
  const sum = new Sum();
  const nextTurn = hostTurn();
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      if (sum.add() === count) resolve();
      else nextTurn(turn);
    };
    nextTurn(turn);
  });
  return sum.value;
}

/** Each event of the world starts the next one. */
const worldTurns = (count: number): Promise<number> =>
  summed(async (world, sum) => {
    while (sum.add() < count) await world.sleep('1ms');
  });

/** The same by the timers of a service, which are cancellable, stand among the waits and in the trace. */
const serviceTurns = (count: number): Promise<number> =>
  summed((world, sum) =>
    world.run('node', ({ timers }) => {
      return new Promise<void>((resolve) => {
        const turn = (): void => {
          if (sum.add() === count) resolve();
          else timers.after(1, turn);
        };
        timers.after(1, turn);
      });
    }),
  );

async function summed(scenario: (world: World, sum: Sum) => Promise<void>): Promise<number> {
  const sum = new Sum();
  await simulate({ seeds: { only: 1 }, weather: 'calm', twice: false }, (world) => scenario(world, sum));
  return sum.value;
}

/** So many seeds that a run takes some tenths of a second, and the engine is warm: the web's own classes take long to be. */
const seedCounts: Readonly<Record<string, number>> = {
  echo: 60,
  counter: 150,
  mail: 100,
  leader: 15,
  journal: 40,
  shipping: 40,
};

function scenarioRow(scenario: Scenario, quick: boolean): Row {
  const seeds = quick ? 1 : (seedCounts[scenario.name] ?? 10);
  const side = (weather: 'calm' | 'stormy'): Side => ({
    name: weather,
    prepare: () => async (): Promise<WorkDone> => {
      let checksum = 0;
      const onSeed = ({ fingerprint }: { readonly fingerprint: string }): void => {
        checksum = (Math.imul(checksum, 31) + Number.parseInt(fingerprint.slice(-7), 16)) | 0;
      };
      const { eventCount, worldMs } = await simulate({ seeds, weather, twice: false, onSeed }, (world) =>
        scenario.run(world, null),
      );
      return { checksum, operations: eventCount, facts: { seeds, 'simulated s': worldMs / 1_000 } };
    },
  });
  return {
    name: `${scenario.name}: ${scenario.about}`,
    unit: 'event',
    operations: seeds * 300, // about: each side counts its own
    reference: 'calm',
    sides: [side('calm'), side('stormy')],
    goal: {
      says: `at least ${eventsMin} due events a second in any weather`,
      met: (results) => [...results.values()].every(({ perSecond }) => perSecond >= eventsMin),
    },
  };
}

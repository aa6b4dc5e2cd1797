/** The tour's cluster: who runs where, how long the storm lasts, and what must hold during it and after it. */
import type { WeatherChoice, World } from 'lockstep/sim';
import { client, clientWithoutRetry, echo } from './echo.ts';

const servers = ['s1', 's2', 's3'] as const;
const people = ['ann', 'bob'] as const;
const questionCount = 6;

/** Rougher than any data centre, so that half a second is enough to see something. `stormy` would leave it to the seed. */
export const roughWeather: WeatherChoice = {
  base: 'calm',
  latencyMs: [1, 5],
  lossChance: 0.03,
  crashEveryMs: 120,
  restartAfterMs: [50, 200],
  cutEveryMs: 120,
  cutForMs: [50, 200],
  pauseEveryMs: 200,
  pauseForMs: [20, 150],
};

/** Kind, but for one frame in 1,000 that is lost, and its connection with it. */
export const kindWeather: WeatherChoice = { base: 'calm', latencyMs: [1, 5], lossChance: 0.001 };

export async function cluster(world: World, version: 'right' | 'without retry'): Promise<void> {
  const ask = version === 'right' ? client : clientWithoutRetry;
  let answered = 0;
  for (const name of servers) void world.run(name, (env) => echo(env, `${name}:7`));
  for (const name of people) {
    const questions = Array.from({ length: questionCount }, (_, index) => `${name}-${index + 1}`);
    const check = (question: string, answer: string): void => {
      if (question !== answer) world.fail(`${question} was answered ${answer}`); // safety: never, in any weather
      answered++;
    };
    const addresses = servers.map((server) => `${server}:7` as const);
    void world.run(name, (env) => ask(env, addresses, questions, check), { steady: true }); // people do not crash
  }
  await world.sleep('500ms');
  world.heal(); // liveness: once the faults have ended, everything comes to pass, and soon
  const everything = `all ${people.length * questionCount} questions are answered`;
  await world.until(everything, () => answered === people.length * questionCount, { within: '5s' });
}

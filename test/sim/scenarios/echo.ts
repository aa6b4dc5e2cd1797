/**
 * The simplest cluster: every request is answered, and with what was asked. Its planted bugs are not in what it does
 * but in where it looks: at a clock, an order and a memory that the world does not control.
 */
import type { World } from 'lockstep/sim';
import type { Scenario } from '../scenario.ts';
import { askEcho, askWebEcho, echo, webEcho } from '../services/echo.ts';
import { UnorderedSet } from '../services/unordered-set.ts';

const clients = ['ann', 'bob'] as const;
const requestCount = 12;

export const echoScenario: Scenario = {
  name: 'echo',
  about: 'clients with retry ask an echo service over frames and over the web; every request is answered right',
  bugs: ['global-clock', 'unordered-set', 'state-outlives-run'],
  async run(world, bug) {
    void world.run('echo', (env) => echo(env, 'echo:7'));
    world.serve('echo.test', webEcho);
    const asked = clients.map((client) => requestsOf(client, bug));
    const done = asked.flatMap((requests, index) => [
      world.run(`${clients[index]}`, (env) => askEcho(env, 'echo:7', requests)),
      world.run(`${clients[index]}-web`, (env) => askWebEcho(env, 'http://echo.test/', requests)),
    ]);
    await world.sleep('1s');
    world.heal();
    let finished = false;
    void Promise.all(done).then(() => (finished = true));
    await world.until('every request is answered', () => finished);
    check(world, asked, await Promise.all(done));
  },
};

function check(world: World, asked: readonly (readonly string[])[], answers: readonly (readonly string[])[]): void {
  for (const [index, requests] of asked.flatMap((one) => [one, one]).entries()) {
    const wrong = requests.findIndex((request, at) => answers[index]?.[at] !== request);
    if (wrong !== -1) world.fail(`request ${requests[wrong]} was answered ${answers[index]?.[wrong]}`);
  }
}

/** Lives as long as the module, so the second run of a seed begins where the first one ended. */
const seenBefore = new Map<string, number>();

function requestsOf(client: string, bug: string | null): readonly string[] {
  const plain = Array.from({ length: requestCount }, (_, index) => `${client} ${index}`);
  switch (bug) {
    case 'global-clock':
      return plain.map((request) => `${request} at ${Date.now()}`);
    case 'unordered-set': {
      const set = new UnorderedSet();
      for (const request of plain) set.add(request);
      return set.elements();
    }
    case 'state-outlives-run': {
      const count = (seenBefore.get(client) ?? 0) + 1;
      seenBefore.set(client, count);
      return plain.map((request) => `${request} in session ${count}`);
    }
    default:
      return plain;
  }
}

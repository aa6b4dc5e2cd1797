/** A journal on a disk that lies about nothing and forgives nothing: what was answered for is there in the end. */
import type { Env } from 'lockstep/env';
import type { Scenario } from '../scenario.ts';
import { callUntilAnswered, type Plain } from '../../../src/sim/cluster/calls.ts';
import { journal } from '../services/journal.ts';

const writers = ['ann', 'bob'] as const;
const address = 'journal:9';

async function writer(env: Env, name: string, appended: string[], stop: () => boolean): Promise<void> {
  for (let index = 0; !stop(); index++) {
    const request = { kind: 'append', id: `${name}/${index}`, text: 'x'.repeat(index * 40) };
    await callUntilAnswered(env, address, request);
    appended.push(`${request.id} ${request.text}`);
    await env.sleep('20ms');
  }
}

export const journalScenario: Scenario = {
  name: 'journal',
  about: 'a journal answers for a line once it is synced, and loses none to crashes, power loss or a failing disk',
  bugs: ['acts-on-unsynced-data', 'forgets-directory-sync'],
  async run(world, bug) {
    const options = { syncsFirst: bug !== 'acts-on-unsynced-data', syncsDirectory: bug !== 'forgets-directory-sync' };
    void world.run('journal', (env) => journal(env, address, options));
    const appended: string[] = [];
    let enough = false;
    const done = writers.map((name) =>
      world.run(name, (env) => writer(env, name, appended, () => enough), { steady: true }),
    );
    await world.sleep('1s');
    enough = true;
    world.heal();
    await Promise.all(done);
    // Once more, in fair weather: whatever is in memory alone is gone now.
    world.crash('journal', { kind: 'power', restart: '10ms' });
    const list = await world.run('reader', (env) => callUntilAnswered(env, address, { kind: 'list' }));
    const held = list as readonly Plain[];
    const lost = appended.filter((line) => !held.includes(line)).map((line) => line.split(' ')[0]);
    if (lost.length > 0) world.fail(`${lost.length} lines were answered for and are lost: ${lost.join(', ')}`);
    if (new Set(held).size !== held.length) world.fail('a line is there twice');
  },
};

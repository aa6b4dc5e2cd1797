/** The command over a module of scenarios: what it says, the seed that it names, and that this seed shows it again. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockstep, type Printed } from '../../test/servers/command-line.ts';

let place = '';
let file = '';
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'lockstep-sim-'));
  file = join(place, 'lamp.sim.mjs');
  await writeFile(file, module);
});
afterAll(() => rm(place, { recursive: true }));

const source = JSON.stringify(new URL('../sim/scenario.ts', import.meta.url).href);
/** One that finds nothing, and one that finds what one seed in four has. */
const module = `
  import { scenario } from ${source};
  export const calmly = scenario({ weather: 'calm' }, async (world) => { await world.sleep('1s'); });
  export const unlucky = scenario({}, async (world) => {
    await world.run('node', (env) => env.sleep('1s'));
    if (world.seed % 4 === 3) world.fail('a third seed of four');
  });`;

const sim = (...args: readonly string[]): Promise<Printed> => lockstep('sim', ...args);

test('scenarios run in turn; the first that finds something is told with the command that shows it again', async () => {
  const all = await sim(file, '--seeds', '5');
  expect(all.code).toBe(2);
  expect(all.said).toMatch(/^ {2}nothing +calmly · 5 seeds · .* simulated/);
  expect(all.said).toMatch(/^ {2}found +unlucky · 2 seeds /m);
  expect(all.said).toContain('safety: a third seed of four');
  expect(all.said).toContain(`replay    lockstep sim ${file} unlucky --seed 3\n`);
  const again = await sim(file, 'unlucky', '--seed', '3');
  expect(again.said.slice(again.said.indexOf('safety:'))).toBe(all.said.slice(all.said.indexOf('safety:')));
  expect((await sim(file, 'unlucky', '--seed', '4', '--twice')).code).toBe(0);
});

test('for programs it is JSON, and what was found is drawn', async () => {
  const diagram = join(place, 'unlucky.svg');
  const { code, said } = await sim(file, 'unlucky', '--first', '6', '--json', '--diagram', diagram);
  expect(code).toBe(2);
  expect(JSON.parse(said)).toMatchObject([{ scenario: 'unlucky', seeds: 1, found: { verdict: 'safety', seed: 7 } }]);
  expect(await readFile(diagram, 'utf8')).toMatch(/^<svg /);
});

test.each([
  { args: ['nothing'], says: 'misuse: the module exports no such scenario' },
  { args: ['calmly', '--seed', '1', '--seeds', '2'], says: 'misuse: --seed is one, --seeds are many' },
  { args: ['calmly', '--seeds', 'many'], says: 'misuse: --seeds is a whole number' },
  { args: ['calmly', '--weather', 'mild'], says: 'misuse: --weather is stormy or calm' },
  { args: ['calmly', '--diagram', 'out.png'], says: 'misuse: a diagram is FILE.svg or FILE.html' },
])('wrong usage says what: $says', async ({ args, says }) => {
  const { code, said } = await sim(file, ...args);
  expect([code, said.startsWith(says) ? says : said]).toEqual([1, says]);
});

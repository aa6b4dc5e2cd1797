/** The command over modules and files of the real disk. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockstep, type Printed } from '../../test/servers/command-line.ts';

let place = '';
beforeAll(async () => void (place = await mkdtemp(join(tmpdir(), 'lockstep-contract-'))));
afterAll(() => rm(place, { recursive: true }));

/** An app of one machine, as a module: of the form that `defineApp` gives, as a temporary directory has no packages. */
async function written(file: string, codeVersion: number, events: readonly string[]): Promise<string> {
  const schemas = events.map((event) => `${event}: { '~standard': { version: 1, vendor: 'test' } }`).join(', ');
  const code = `{ codeVersion: ${codeVersion}, commands: {}, events: { ${schemas} }, table: null }`;
  const order = `{ kind: 'machine', name: 'order', '~machine': ${code} }`;
  await writeFile(
    join(place, file),
    `export const app = { kind: 'app', name: 'shop', parts: [${order}], services: {} }`,
  );
  return join(place, file);
}

const contract = (...args: readonly string[]): Promise<Printed> => lockstep('contract', ...args);

test('what is written checks; what is lost fails with its list; what is new asks for the file to be written', async () => {
  const file = join(place, 'contract.json');
  const first = await written('first.mjs', 2, ['Placed', 'Paid']);
  expect(await contract(first, file)).toMatchObject({ code: 0, said: '' });
  expect(await contract(first, file, '--check')).toMatchObject({ code: 0, said: `${file} is up to date\n` });
  const before = await readFile(file, 'utf8');

  const lost = await contract(await written('lost.mjs', 1, ['Placed']), file, '--check');
  expect(lost.code).toBe(1);
  expect(lost.said).toMatch(
    /^order {2}has codeVersion 1, and 2 has run: .*\norder\.Paid {2}is gone, and may be stored: .*\n$/,
  );

  const more = await written('more.mjs', 2, ['Placed', 'Paid', 'Sent']);
  const behind = { code: 1, said: `${file} lacks what is new, all of which fits: write it again\n` };
  expect(await contract(more, file, '--check')).toMatchObject(behind);
  expect(await readFile(file, 'utf8')).toBe(before); // a check writes nothing
  expect(await contract(more, file)).toMatchObject({ code: 0, said: '' });
  expect((await contract(more, file, '--check')).code).toBe(0);
});

test('a module without an app, a contract that is missing or is none, are told', async () => {
  const app = await written('app.mjs', 1, []);
  const none = join(place, 'none.mjs');
  await writeFile(none, 'export const app = 1');
  expect((await contract(none, join(place, 'x.json'))).said).toMatch(/^misuse: the module does not export one app/);
  expect((await contract(join(place, 'nowhere.mjs'), 'x.json')).said).toMatch(
    /^invalid: the module cannot be imported/,
  );
  const missing = await contract(app, join(place, 'x.json'), '--check');
  expect(missing).toMatchObject({ code: 1, said: expect.stringMatching(/^invalid: there is no contract/) as string });
  expect((await contract(app, none)).said).toMatch(/^invalid: the contract is not JSON/);
});

/** The command over a module and a directory of the real disk. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '../machine/app.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { open } from '../os/open.ts';
import { lockstep } from '../../test/servers/command-line.ts';

let place = '';
beforeAll(async () => void (place = await mkdtemp(join(tmpdir(), 'lockstep-forget-'))));
afterAll(() => rm(place, { recursive: true }));

const sourceOf = (path: string): string => JSON.stringify(new URL(`../${path}`, import.meta.url).href);
const source = `
  import { defineApp } from ${sourceOf('machine/app.ts')};
  import { machine } from ${sourceOf('machine/machine.ts')};
  import { unchecked } from ${sourceOf('machine/schema.ts')};
  import { personal, subjects } from ${sourceOf('personal/index.ts')};
  export const member = machine({
    name: 'member',
    initial: () => ({ name: null }),
    commands: { Join: unchecked() },
    events: { Joined: personal(unchecked(), ['name']) },
    decide: { Join: (_state, name, { event }) => [event('Joined', { name })] },
    evolve: { Joined: (_state, { name }) => ({ name }) },
  });
  export const app = defineApp({ name: 'club', parts: [member, subjects] });`;

test('a subject is forgotten in a directory that no process has; a directory without a node is told', async () => {
  const [path, data] = [join(place, 'app.mjs'), join(place, 'data')];
  await writeFile(path, source);
  const { app, member } = (await import(pathToFileURL(path).href)) as { app: App<unknown>; member: AnyMachine };
  const before = await open(app, { data });
  await before.send(member, 'ann', 'Join', 'Ann');
  await before.close();

  expect(await lockstep('forget', path, data, 'ann')).toMatchObject({
    code: 0,
    said: "'ann' is forgotten; asked once so far\n",
  });
  const nothing = await lockstep('forget', path, join(place, 'nothing'), 'ann');
  expect([nothing.code, nothing.told]).toEqual([1, expect.stringMatching(/^invalid: no node has its logs/)]);
  await using after = await open(app, { data });
  expect((await after.read(member, 'ann')).state).toEqual({ name: null });
});

/** The command over a module and a directory of the real disk. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '../machine/app.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { open } from '../os/open.ts';
import { lockstep, type Printed } from '../../test/servers/command-line.ts';

let place = '';
beforeAll(async () => void (place = await mkdtemp(join(tmpdir(), 'lockstep-verify-'))));
afterAll(() => rm(place, { recursive: true }));

const sourceOf = (file: string): string => JSON.stringify(new URL(`../machine/${file}`, import.meta.url).href);

/** A module whose app adds `factor` times what it is told: that is what changes while the version stays. */
async function written(file: string, factor: number): Promise<string> {
  const path = join(place, file);
  await writeFile(
    path,
    `
    import { defineApp } from ${sourceOf('app.ts')};
    import { machine } from ${sourceOf('machine.ts')};
    import { unchecked } from ${sourceOf('schema.ts')};
    export const counter = machine({
      name: 'counter',
      initial: () => ({ sum: 0n }),
      commands: { Add: unchecked() },
      events: { Added: unchecked() },
      decide: { Add: (_state, count, { event }) => [event('Added', count)] },
      evolve: { Added: ({ sum }, count) => ({ sum: sum + count * ${factor}n }) },
    });
    export const app = defineApp({ name: 'counting', parts: [counter] });`,
  );
  return path;
}

const verify = (...args: readonly string[]): Promise<Printed> => lockstep('verify', ...args);

test('what is stored is clean under its own code, and differs under code that changed without its version', async () => {
  const data = join(place, 'data');
  const same = await written('same.mjs', 1);
  const { app, counter } = (await import(pathToFileURL(same).href)) as { app: App<unknown>; counter: AnyMachine };
  const node = await open(app, { data });
  for (const key of ['a', 'b']) await node.send(counter, key, 'Add', 2n);
  const beside = await verify(same, data, '--replay');
  expect(beside).toMatchObject({ code: 1, said: expect.stringMatching(/^in-use: /) as string });
  await node.close();

  expect(await verify(same, data, '--replay')).toMatchObject({
    code: 0,
    said: '2 streams of 2 events: 2 states compared, 0 differ; 0 of an older codeVersion, folded and not compared\n',
  });
  const changed = await written('changed.mjs', 3);
  const found = await verify(changed, data, '--replay');
  expect(found.code).toBe(1);
  expect(found.said).toContain(
    "counter 'a' at version 1: its events make another state\n  stored  { sum: 2n }\n  folded  { sum: 6n }\n",
  );
  expect(found.said).toMatch(/\n2 streams of 2 events: 2 states compared, 2 differ; .*\n$/);
  const asJson = await verify(changed, data, '--replay', '--json');
  expect([asJson.code, JSON.parse(asJson.said)]).toMatchObject([
    1,
    { streams: 2, differingCount: 2, differing: [{ stored: { sum: '2' } }, { folded: { sum: '6' } }] },
  ]);
});

test('a directory of no node is told, and stays as it was', async () => {
  const app = await written('app.mjs', 1);
  const nowhere = join(place, 'nowhere');
  const none = await verify(app, nowhere, '--replay');
  expect(none).toMatchObject({ code: 1, said: expect.stringMatching(/^invalid: no node has its logs/) as string });
  await expect(stat(nowhere)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await verify(app, nowhere)).said).toMatch(/^misuse: say what to verify/);
});

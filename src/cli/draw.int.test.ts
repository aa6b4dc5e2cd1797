/** The command over a module of the real disk. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockstep } from '../../test/servers/command-line.ts';

let place = '';
beforeAll(async () => void (place = await mkdtemp(join(tmpdir(), 'lockstep-draw-'))));
afterAll(() => rm(place, { recursive: true }));

async function written(file: string, ...names: readonly string[]): Promise<string> {
  const source = pathToFileURL(join(import.meta.dirname, '../index.ts')).href;
  const table = (name: string): string =>
    `fsm({ name: '${name}', initial: 'off', events: { Turn: nothing }, states: { off: { Turn: 'on' }, on: { after: { '1min': 'off' } } } })`;
  const code = `import { defineApp, fsm, nothing } from '${source}';
export const app = defineApp({ name: 'house', parts: [${names.map(table).join(', ')}] });`;
  await writeFile(join(place, file), code);
  return join(place, file);
}

test('a table is drawn for Mermaid, and as SVG; of several the name is asked for', async () => {
  const one = await written('one.ts', 'lamp');
  const mermaid = await lockstep('draw', one);
  expect(mermaid.code).toBe(0);
  expect(mermaid.out).toMatch(/^stateDiagram-v2\n {2}state "off" as s0\n/);
  expect(await lockstep('draw', one, 'lamp', '--svg')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^<svg[\s\S]*<\/svg>\s*$/),
  });
  const two = await written('two.ts', 'lamp', 'door');
  const asked = { code: 1, told: expect.stringContaining('there are: lamp, door') };
  expect(await lockstep('draw', two)).toMatchObject(asked);
  expect(await lockstep('draw', two, 'window')).toMatchObject(asked);
  expect(await lockstep('draw', two, 'door')).toMatchObject({ code: 0 });
  expect((await lockstep('draw', await written('none.ts'))).told).toContain('fsm(');
});

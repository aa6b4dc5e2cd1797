/** What `lockstep init` makes is an app that runs, and a test that passes. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { command } from './command.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
let place = '';
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'lockstep-init-'));
});
afterEach(() => rm(place, { recursive: true }));

test('an app of ten lines that is served, and its test in the simulator, which passes; what is there is kept', async () => {
  const directory = join(place, 'My Theatre');
  await mkdir(directory);
  await writeFile(join(directory, 'README.md'), 'mine');
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  expect(await command(['init', directory])).toBe(0);
  expect(said.mock.calls.flat().join('\n')).toMatch(
    /^ {2}made {9}app\.ts · app\.test\.ts · package\.json .*\n {2}kept as is {3}README\.md\n {2}now {10}cd .*npm run dev$/,
  );
  said.mockRestore();
  expect(await readFile(join(directory, 'README.md'), 'utf8')).toBe('mine');
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as object;
  expect(manifest).toMatchObject({ name: 'my-theatre', scripts: { dev: 'lockstep dev app.ts' } });

  await mkdir(join(directory, 'node_modules'));
  await symlink(fileURLToPath(new URL('../..', import.meta.url)), join(directory, 'node_modules/lockstep'));
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=lockstep-source', 'app.test.ts'], {
    cwd: directory,
    env: { ...process.env, LOCKSTEP_SEEDS: '1' },
  });
  expect(stdout).toMatch(/pass 2/);

  const refused = vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(await command(['serve', join(directory, 'app.ts'), '--host', '0.0.0.0'])).toBe(1);
  expect(refused.mock.calls.flat().join('\n')).toMatch(/^misuse: who can reach this address .*\n {2}choose one/);
  refused.mockRestore();
  const words = ['--conditions=lockstep-source', program, 'serve', 'app.ts', '--port', '0'];
  const served = spawn(process.execPath, words, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: served.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toMatch(/^ {2}my-theatre {3}1 machine · data \.lockstep\/my-theatre /);
  expect((await lines.next()).value).toMatch(
    /^ {2}listens {6}http:\/\/127\.0\.0\.1:\d+( · the page is not built .*)?$/,
  );
  const data = join(directory, '.lockstep/my-theatre');
  const told = vi.spyOn(console, 'log').mockImplementation(() => {});
  expect(await command(['send', 'seat', 'A/1', 'Take', '{"by":"ann"}', '--data', data])).toBe(0);
  told.mockRestore();
  served.kill('SIGTERM');
  expect(await once(served, 'exit')).toEqual([0, null]);
});

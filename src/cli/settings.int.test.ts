/** Settings of the environment and of files: which comes first, and what is wrong with them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readSettings } from './settings.ts';

let place = '';
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'lockstep-settings-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(place, { recursive: true });
});

const write = (file: string, value: unknown): Promise<void> => writeFile(join(place, file), JSON.stringify(value));

test('the environment comes first, then lockstep.config.json, then package.json', async () => {
  vi.stubEnv('LOCKSTEP_PORT', '4100');
  vi.stubEnv('LOCKSTEP_URL', '');
  await write('lockstep.config.json', { port: 4200, app: 'app.ts' });
  await write('package.json', { name: 'any', lockstep: { app: 'other.ts', data: './data' } });
  expect(Object.fromEntries(await readSettings(place))).toEqual({
    port: { value: '4100', source: 'LOCKSTEP_PORT' },
    app: { value: 'app.ts', source: 'lockstep.config.json' },
    data: { value: './data', source: 'package.json' },
  });
});

test('what is no setting is told, with the nearest', async () => {
  await write('package.json', {});
  expect((await readSettings(place)).size).toBe(0);
  await write('lockstep.config.json', { prot: 1 });
  await expect(readSettings(place)).rejects.toThrow(/no such setting .*setting=`prot`\n {2}did you mean port\?/);
  await write('lockstep.config.json', { port: null });
  await expect(readSettings(place)).rejects.toThrow('a setting is a text or a number');
  await write('lockstep.config.json', []);
  await expect(readSettings(place)).rejects.toThrow('settings are an object');
  await writeFile(join(place, 'lockstep.config.json'), '{');
  await expect(readSettings(place)).rejects.toMatchObject({ kind: 'invalid' });
});

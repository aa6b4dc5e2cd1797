/**
 * The simulator in Chromium: bundled as it is, without stand-ins for Node's modules, and with the same runs of the
 * same seeds. So the core needs no Node, and what a seed means does not depend on the engine that runs it.
 */
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { sourceCondition } from '../../tools/exports.ts';
import { catalogue } from '../sim/catalogue.ts';
import { programOf } from '../servers/needs.ts';
import { runSeeds } from './seeds.ts';

const program = programOf('chromium');
if (program === null) console.warn('SKIPPED: there is no chromium, so nothing shows that the core runs in a browser');

const seedCount = 3;

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser', // an import of `node:…` fails the build
    conditions: [sourceCondition],
    logLevel: 'silent',
  });
  return outputFiles.map(({ text }) => text).join('\n');
}

test('an import of a module of Node would fail the bundle', async () => {
  await expect(bundle("import { readFileSync } from 'node:fs'; console.log(readFileSync);")).rejects.toThrow(
    'Could not resolve "node:fs"',
  );
});

// With CI=true a missing browser is a failure: of `launch`, which then looks for one of its own.
describe.skipIf(program === null && process.env['CI'] !== 'true')('in Chromium', () => {
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    vi.stubEnv('LOCKSTEP_SEED', undefined);
    vi.stubEnv('LOCKSTEP_SEEDS', undefined);
    const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
    const options = { headless: true, args: ['--headless', ...flags, ...quiet] };
    browser = await chromium.launch(program === null ? options : { ...options, executablePath: program });
    page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => errors.push(message.text()));
    await page.setContent('<!doctype html><title>lockstep</title>');
    await page.addScriptTag({
      content: await bundle("import { runSeeds } from './seeds.ts'; globalThis.runSeeds = runSeeds;"),
    });
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await browser.close();
  });

  test('the page has nothing of Node', async () => {
    expect(await page.evaluate('[typeof process, typeof setImmediate, typeof Buffer]')).toEqual(
      Array.from({ length: 3 }, () => 'undefined'),
    );
  });

  test.each(catalogue.map(({ name }) => name))('%s runs there as in Node, seed by seed', async (name) => {
    const there = await page.evaluate(`runSeeds('${name}', ${seedCount})`);
    expect(there).toEqual(await runSeeds(name, seedCount));
    expect(errors).toEqual([]);
  });
});

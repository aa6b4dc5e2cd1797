/** Every example is a program that ends by itself, succeeds, and prints something. */
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from './workshop.ts';

/** The tour is run, and read line by line, by test/sim/commands.int.test.ts. */
const isElsewhere = (path: string): boolean => path.startsWith(join('examples', 'tour'));
const examples = globSync(['examples/*.ts', 'examples/*/main.ts'])
  .filter((path) => !isElsewhere(path))
  .toSorted();

test('there are examples', () => {
  expect(examples).not.toEqual([]);
});

test.each(examples)('%s runs', async (path) => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-example-'));
  try {
    const { code, signal, stdout, stderr } = await runProgram(path, folder);
    expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
    expect(stdout.trim()).not.toBe('');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

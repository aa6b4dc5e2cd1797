/** Every example is a program that ends by itself, succeeds, and prints something. */
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from './workshop.ts';

const examples = globSync(['examples/*.ts', 'examples/*/main.ts']).toSorted();

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

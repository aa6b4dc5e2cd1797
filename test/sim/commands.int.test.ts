/** `npm run sim` and `npm run tour` as a person runs them: exit codes, and commands in failures that show them again. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { sourceCondition } from '../../tools/exports.ts';
import { simCommand } from '../../tools/sim-command.ts';

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(program: string, ...args: readonly string[]): Promise<Ran> {
  const env = { ...process.env };
  delete env['NO_COLOR']; // whoever runs the tests may have set either
  delete env['FORCE_COLOR'];
  const child = spawn(process.execPath, [`--conditions=${sourceCondition}`, program, ...args], { env });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

/** `npm run sim` in this process, with what it prints. */
async function sim(...args: readonly string[]): Promise<Ran> {
  const printed = { out: '', err: '' };
  const say = vi.spyOn(console, 'log').mockImplementation((line: string) => void (printed.out += `${line}\n`));
  const tell = vi.spyOn(console, 'error').mockImplementation((line: string) => void (printed.err += `${line}\n`));
  try {
    return { code: await simCommand(args), ...printed };
  } finally {
    say.mockRestore();
    tell.mockRestore();
  }
}
const spawnedSim = (...args: readonly string[]): Promise<Ran> => run('tools/sim.ts', ...args);
const tour = (...args: readonly string[]): Promise<Ran> => run('examples/tour/main.ts', ...args);

/** The arguments of the command that a failure tells to run. */
function replayIn(out: string): readonly string[] {
  const [, args = ''] = /^ *replay +npm run (?:sim|tour) -- (.*)$/m.exec(out) ?? [];
  expect(args).toContain('--seed ');
  return args.split(' ');
}

/** What a failure says, without how long it took to come to it. */
const failureIn = (out: string): string => out.slice(out.search(/^ *(safety|liveness): /m));

test('a right version: nothing found, exit code 0, and numbers', async () => {
  const { code, out, err } = await sim('mail', '--seeds', '5');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(
    /^mail +· 5 seeds twice · [\d,]+ events · \d+ s simulated · [\d.]+ s \([\d.]+ s of CPU\) · [\d,]+ events\/s\n$/,
  );
});

test('on several threads the first seed that finds something is told, as on one', async () => {
  const bug = ['mail', '--bug', 'missing-retry', '--seeds', '100', '--once'];
  const one = await sim(...bug, '--threads', '1');
  const two = await spawnedSim(...bug, '--threads', '2');
  expect([one.code, two.code]).toEqual([1, 1]);
  expect(two.out).toBe(one.out);
});

test('of many seeds some run twice, on all threads together as many as there are', async () => {
  const { code, out } = await sim('mail', '--seeds', '201', '--first', '5', '--threads', '2');
  expect(code).toBe(0);
  expect(out).toContain(' 201 seeds (20 twice) ');
});

test('as a process: the exit code of wrong usage, which is told beside the output', async () => {
  const { code, out, err } = await spawnedSim('mail', '--once', '--twice');
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain('--once and --twice exclude each other');
});

test('a planted bug: found, exit code 1, and the printed command shows the very same failure', async () => {
  const first = await sim('counter', '--bug', 'lost-update');
  expect(first.code).toBe(1);
  expect(first.out).toContain('safety: 15 were added, and the number is ');
  const again = await sim(...replayIn(first.out));
  expect(again.code).toBe(1);
  expect(failureIn(again.out)).toBe(failureIn(first.out));
});

test('a diagram of what was found is written to the file that was asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-sim-'));
  try {
    for (const [file, beginning] of [
      ['found.svg', '<svg '],
      ['found.html', '<!doctype html>'],
    ] as const) {
      const path = join(folder, file);
      const { code } = await sim('counter', '--bug', 'lost-update', '--once', '--diagram', path);
      expect(code).toBe(1);
      expect(readFileSync(path, 'utf8').startsWith(beginning)).toBe(true);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  { args: ['nothing-of-this-name'], says: "there is no scenario 'nothing-of-this-name'" },
  { args: ['mail', '--bug', 'lost-update'], says: "'lost-update' cannot be planted in mail" },
  { args: ['mail', '--seeds', 'many'], says: "--seeds is a whole number, not 'many'" },
  { args: ['mail', '--seed', '1', '--seeds', '2'], says: '--seed is one, --seeds are many' },
  { args: ['mail', '--weather', 'mild'], says: "weather is calm or stormy, not 'mild'" },
  { args: ['mail', '--diagram', 'picture.png'], says: 'a diagram is FILE.svg or FILE.html' },
  { args: ['mail', '--once', '--twice'], says: '--once and --twice exclude each other' },
  { args: ['--seeds', '3'], says: 'which scenario?' },
])('wrong usage is exit code 2 and says what: $says', async ({ args, says }) => {
  const { code, out, err } = await sim(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(says);
});

test('without arguments the scenarios and their bugs are listed', async () => {
  const { code, out } = await sim();
  expect(code).toBe(0);
  expect(out).toContain('--bug split-brain-by-timeout');
});

test('the tour ends well, fits a terminal, is plain text in a pipe, and its replay command shows what it found', async () => {
  const { code, out, err } = await tour();
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(out).not.toContain('\u001b');
  const again = await tour(...replayIn(out));
  expect(again.code).toBe(0);
  const found = failureIn(out).split('\n').slice(0, 3);
  expect(failureIn(again.out).split('\n').slice(0, 3)).toEqual(found);
});

test('the tour refuses what it does not know', async () => {
  expect((await tour('--sead', '1')).code).toBe(2);
});

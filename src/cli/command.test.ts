/** What the table of commands gives: help, and the errors of wrong calls. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { command } from './command.ts';
import { candidates } from './completion.ts';
import { commands } from './commands.ts';
import { nearest } from './nearest.ts';

let printed = '';
let told = '';
beforeEach(() => {
  printed = told = '';
  vi.spyOn(console, 'log').mockImplementation((line: string) => void (printed += `${line}\n`));
  vi.spyOn(console, 'error').mockImplementation((line: string) => void (told += `${line}\n`));
});
afterEach(() => vi.restoreAllMocks());

test('each command has its help, with options and examples that begin with its name', async () => {
  for (const one of commands) {
    printed = '';
    expect(await command([...one.name.split(' '), '--help'])).toBe(0);
    expect(printed).toContain(`lockstep ${one.name}`);
    for (const name of Object.keys(one.options)) expect(printed).toContain(`--${name}`);
    expect(one.examples.length).toBeGreaterThan(0);
    for (const example of one.examples) expect(example).toContain(`lockstep ${one.name}`);
    const longest = Math.max(...printed.split('\n').map((line) => line.length));
    expect(longest, `${one.name} --help`).toBeLessThanOrEqual(140);
  }
});

test('what is mistyped is told with what is nearest', async () => {
  expect(await command(['verfy', 'app.ts'])).toBe(1);
  expect(told).toContain('did you mean `lockstep verify`?');
  told = '';
  expect(await command(['log', 'expect'])).toBe(1);
  expect(told).toContain('  lockstep log inspect DIR\n');
  told = '';
  expect(await command(['verify', '--jsn'])).toBe(1);
  expect(told).toContain("misuse: unknown option '--jsn'\n  did you mean --json?");
  told = '';
  expect(await command(['contract', 'app.ts'])).toBe(1);
  expect(told).toContain('misuse: FILE is missing');
  told = '';
  expect(await command(['forget', 'a', 'b', 'c', 'd'])).toBe(1);
  expect(told).toContain('misuse: there are too many words word=`d`');
});

test('tabs complete commands, their options and what these take', async () => {
  const at = (text: string): Promise<readonly string[]> => candidates(commands, text.split(' '));
  expect(await at('ver')).toEqual(['verify']);
  expect(await at('projections ')).toEqual(['retry', 'skip']);
  expect(await at('check transactions history.edn --l')).toEqual(['--level']);
  expect(await at('check transactions history.edn --level snap')).toEqual(['snapshot-isolation']);
  expect(await at('log inspect ')).toEqual([':directory']);
  expect(await at('contract app.ts --check ')).toEqual([':file']);
  expect(await at('completion z')).toEqual(['zsh']);
  expect(await at('send --data nowhere ')).toEqual([]);
  expect(await command(['completion', 'bash'])).toBe(0);
  expect(printed).toContain('complete -F _lockstep lockstep');
});

test('a name that is far from all others has no nearest', () => {
  expect(nearest('snd', ['send', 'state'])).toBe('send');
  expect(nearest('stat', ['send', 'state', 'status'])).toBe('state');
  expect(nearest('xylophone', ['send', 'state'])).toBeNull();
});

/** What `npm test` counts: the last line and the exit code must never disagree with what happened. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { missingVariable, needs, programOf } from '../test/servers/needs.ts';
import { sourceCondition } from './exports.ts';
import { provision } from './provision.ts';
import { countsOf, failuresOf, filesOf, runNode, type VitestReport } from './run-suite.ts';
import { suites } from './suites.ts';
import { withJavaScriptNames } from './build.ts';

const report = (changes: Partial<VitestReport>): VitestReport => ({
  success: true,
  numPassedTests: 2,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
  ...changes,
});

test('passed, failed and skipped are those of the report', () => {
  expect(countsOf(report({ numFailedTests: 1, numPendingTests: 3 }), 1)).toEqual({ passed: 2, failed: 1, skipped: 3 });
});

test('a file that does not load counts as a failed test', () => {
  const file = { name: 'x.test.ts', status: 'failed', message: 'no such import', assertionResults: [] };
  expect(countsOf(report({ testResults: [file] }), 1)).toMatchObject({ passed: 2, failed: 1 });
  expect(failuresOf(report({ testResults: [file] }), 1, [])).toEqual(['x.test.ts\n    no such import']);
});

test('what failed is said with its file, its name and the beginning of why', () => {
  const failureMessages = [`\u001B[31mtwo is not three\u001B[39m\n${'    at somewhere\n'.repeat(50)}`];
  const assertionResults = [
    { status: 'passed', fullName: 'one is one', failureMessages: [] },
    { status: 'failed', fullName: 'two is three', failureMessages },
  ];
  const file = { name: 'x.test.ts', status: 'failed', message: '', assertionResults };
  const [said, ...others] = failuresOf(report({ numFailedTests: 1, testResults: [file] }), 1, []);
  expect(said).toMatch(/^x\.test\.ts > two is three\n {4}two is not three\n/);
  expect(said?.split('\n').length).toBeLessThan(20);
  expect(others).toEqual([]);
  expect(failuresOf(report({}), 0, [])).toEqual([]);
  expect(failuresOf(report({}), 1, ['a rejection'])).toEqual(['an error outside of every test\n    a rejection']);
  expect(failuresOf(null, 1, [])).toHaveLength(1);
});

test('a failure that is no test, and a run without a report, count as one', () => {
  expect(countsOf(report({}), 1)).toMatchObject({ failed: 1 });
  expect(countsOf(null, 1)).toMatchObject({ passed: 0, failed: 1 });
});

test('integration tests are in their suite alone, wherever they lie', () => {
  const of = (name: string) => filesOf(suites.find((suite) => suite.name === name) ?? never(name));
  expect(of('unit').filter((path) => path.endsWith('.int.test.ts'))).toEqual([]);
  expect(of('house')).toContain('tools/test-run.test.ts');
});

function never(name: string): never {
  throw new Error(`no suite ${name}`);
}

test('declarations name JavaScript files, in imports and exports, and nowhere else', () => {
  const text = `import { a } from './a.ts';\nexport type { B } from "../b.ts"; // './c.ts'\nexport { x } from 'x.ts';\n`;
  const named = `import { a } from './a.js';\nexport type { B } from "../b.js"; // './c.ts'\nexport { x } from 'x.ts';\n`;
  expect(withJavaScriptNames('x.d.ts', text)).toBe(named);
});

test('what is missing is installed where that may be, else named; what is there is not asked for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-need-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const said = vi.spyOn(console, 'log').mockReturnValue();
  onTestFinished(() => said.mockRestore());
  const server = {
    name: 'server',
    programs: [join(folder, 'server')],
    debianPackage: 'serverd',
    suites: ['integration'],
  };
  expect(provision([server], null).missing).toEqual([server]);
  expect(said.mock.calls.join('')).toMatch(/server is missing: tests of it in integration are SKIPPED/);
  const asked: string[] = [];
  const installer = (absent: readonly { readonly debianPackage: string }[]): void => {
    asked.push(...absent.map((need) => need.debianPackage));
    writeFileSync(join(folder, 'server'), '', { mode: 0o755 });
  };
  expect(provision([server], installer).missing).toEqual([]);
  expect(provision([server], installer).missing).toEqual([]);
  expect(asked).toEqual(['serverd']);
});

test('a program that this run does without is null to its tests, and one that is not in the table is an error', () => {
  const [first] = needs;
  vi.stubEnv(missingVariable, `other,${first?.name}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(programOf(first?.name ?? '')).toBeNull();
  expect(() => programOf('no-such-server')).toThrow('test/servers/needs.ts');
});

test('every need names suites that there are', () => {
  const names = suites.map((suite) => suite.name);
  expect(needs.flatMap((need) => need.suites).filter((name) => !names.includes(name))).toEqual([]);
});

test('a program that does not end is ended, and has failed', async () => {
  const said = vi.spyOn(console, 'log').mockReturnValue();
  onTestFinished(() => said.mockRestore());
  expect(await runNode(['-e', 'setInterval(() => {}, 1000)'], 300)).toBe(1);
  expect(await runNode(['-e', 'process.exitCode = 7'], 20_000)).toBe(7);
  expect(said).toHaveBeenCalledOnce();
});

test('`lockstep` is this repository to the threads and programs that tests start', () => {
  expect(process.execArgv).toContain(`--conditions=${sourceCondition}`);
});

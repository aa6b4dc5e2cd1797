/**
 * Runs one suite in a process of its own and counts. Vitest's own numbers are taken from its JSON report; what fails
 * without being a test (a file that does not load, an unhandled error, the budget) counts as one failed test each, so
 * that the last line of `npm test` and its exit code never disagree.
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, matchesGlob, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { strayErrorsVariable } from './stray-errors.ts';
import type { Suite } from './suites.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface SuiteRun extends Counts {
  readonly seconds: number;
  /** What failed, a line or a few each: said again at the end, where it is found without reading everything. */
  readonly failures: readonly string[];
}

export const vitestProgram = 'node_modules/vitest/vitest.mjs';
export const compilerProgram = 'node_modules/typescript/bin/tsc';
/** All of it for Node; what runs everywhere without Node's types; the page, for browsers. */
export const compilerProjects = ['tsconfig.json', 'tsconfig.core.json', 'dashboard/tsconfig.json'] as const;

/** `budgetSeconds` is the suite's, times the machine's factor. At twice that the suite is ended. */
export async function runSuite(suite: Suite, patterns: readonly string[], budgetSeconds: number): Promise<SuiteRun> {
  const startedAt = performance.now();
  const run =
    suite.include === null ? await runCompiler(budgetSeconds) : await runVitest(suite, patterns, budgetSeconds);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (seconds <= budgetSeconds) return { ...run, seconds };
  const tooSlow = `took ${seconds.toFixed(1)} s, its budget is ${budgetSeconds} s: make it faster`;
  console.log(`${suite.name} ${tooSlow}`);
  return { ...run, failed: run.failed + 1, seconds, failures: [...run.failures, tooSlow] };
}

type Outcome = Omit<SuiteRun, 'seconds'>;

async function runVitest(suite: Suite, patterns: readonly string[], budgetSeconds: number): Promise<Outcome> {
  const files = filesOf(suite).filter((file) => patterns.length === 0 || patterns.some((one) => file.includes(one)));
  if (files.length === 0) {
    console.log('no test files');
    return { passed: 0, failed: 0, skipped: 0, failures: [] };
  }
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', '--reporter=./tools/stray-errors.ts'];
    const output = [...reporters, `--outputFile.json=${report}`, '--silent=passed-only'];
    const strays = join(folder, 'strays.json');
    const workers = `--maxWorkers=${availableParallelism()}`; // left to itself vitest leaves one core idle
    const args = [vitestProgram, 'run', '--project', suite.name, workers, ...output, ...patterns];
    const code = await runNode(args, 2_000 * budgetSeconds, { [strayErrorsVariable]: strays });
    const read = readJson(report) as VitestReport | null;
    const strayErrors = (readJson(strays) ?? []) as readonly string[];
    return { ...countsOf(read, code), failures: failuresOf(read, code, strayErrors) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The test files of a suite, as paths from the top. */
export function filesOf({ include, exclude }: Suite): readonly string[] {
  const found = globSync([...(include ?? [])], { exclude: ['node_modules/**', 'dist/**', '.cache/**'] });
  return found.filter((file) => !exclude.some((glob) => matchesGlob(file, glob))).toSorted();
}

/** The compiler counts as one test a configuration. */
async function runCompiler(budgetSeconds: number): Promise<Outcome> {
  let passed = 0;
  const failures: string[] = [];
  for (const project of compilerProjects) {
    const code = await runNode([compilerProgram, '-p', project], 2_000 * budgetSeconds);
    if (code === 0) passed++;
    else failures.push(`tsc -p ${project}`);
    console.log(`${code === 0 ? '✓' : '✗'} tsc -p ${project}`);
  }
  return { passed, failed: failures.length, skipped: 0, failures };
}

/** The part of vitest's report that is read here. */
export interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    /** The file's path. */
    readonly name: string;
    readonly status: string;
    /** Why the file failed, where no test of it did. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null; // vitest died before it could write one: countsOf says what that means
  }
}

export function countsOf(report: VitestReport | null, exitCode: number): Counts {
  if (report === null) return { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  // A file that fails outside of its tests has the status of a failure and no failed test.
  const filesFailed = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((one) => one.status === 'failed'),
  ).length;
  const counted = report.numFailedTests + filesFailed;
  const failed = counted === 0 && exitCode !== 0 ? 1 : counted;
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests };
}

/** Each failed test with its file and the beginning of why; files that failed as a whole; errors outside of tests. */
export function failuresOf(
  report: VitestReport | null,
  exitCode: number,
  strayErrors: readonly string[],
): readonly string[] {
  const failures = (report?.testResults ?? []).flatMap((file) => {
    const tests = file.assertionResults.filter((one) => one.status === 'failed');
    const path = relative('.', file.name);
    if (tests.length === 0) return file.status === 'failed' ? [`${path}\n${beginningOf(file.message)}`] : [];
    return tests.map((one) => `${path} > ${one.fullName}\n${beginningOf(one.failureMessages.join('\n'))}`);
  });
  const strays = strayErrors.map((error) => `an error outside of every test\n${beginningOf(error)}`);
  const all = [...failures, ...strays];
  if (all.length > 0 || exitCode === 0) return all;
  return [`vitest ended with ${exitCode} and says no more: see what the suite printed`];
}

const linesOfReason = 12;

function beginningOf(message: string): string {
  const lines = stripVTControlCharacters(message).split('\n').slice(0, linesOfReason);
  return lines.map((line) => `    ${line}`).join('\n');
}

const killDelayMs = 5_000;

/** Runs this very Node, shows what it prints, answers its exit code; 1 when it was ended by a signal or after `msMax`. */
export function runNode(
  args: readonly string[],
  msMax: number,
  variables: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...variables };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const asking = setTimeout(() => {
      console.log(`not done after ${msMax / 1_000} s: ended`);
      child.kill('SIGTERM'); // it may still end its own children
    }, msMax);
    const killing = setTimeout(() => child.kill('SIGKILL'), msMax + killDelayMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(asking);
      clearTimeout(killing);
      resolve(code ?? 1);
    });
  });
}

/**
 * A folder in which the pages' files lie as their readers would have them, one folder a page, so that one run of the
 * compiler checks them all and each can be run. It is inside the repository, so that `lockstep` means this package,
 * and outside of node_modules, where Node strips no types.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { sourceCondition } from '../../tools/exports.ts';
import { compilerProgram, vitestProgram, type VitestReport } from '../../tools/run-suite.ts';
import type { PageFile } from './pages.ts';

/** Of one program. */
export const programMsMax = 20_000;
/** Of the compiler, and of all tests on pages together. */
const allMsMax = 60_000;

export interface Ran {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Workshop {
  readonly folder: string;
  readonly #files: readonly PageFile[];

  constructor(files: readonly PageFile[]) {
    mkdirSync('.cache', { recursive: true });
    this.folder = resolve(mkdtempSync('.cache/docs-'));
    this.#files = files;
    for (const file of files) {
      mkdirSync(dirname(this.pathOf(file)), { recursive: true });
      writeFileSync(this.pathOf(file), file.code);
    }
    const strict = {
      extends: relative(this.folder, resolve('tsconfig.json')),
      compilerOptions: readersSettings,
      include: ['**/*.ts'],
    };
    writeFileSync(join(this.folder, 'tsconfig.json'), JSON.stringify(strict));
    const settings = {
      resolve: { conditions: [sourceCondition] },
      ssr: { resolve: { conditions: [sourceCondition] } },
    };
    const env = { LOCKSTEP_SEEDS: String(seedCount) };
    const test = { include: ['**/*.test.ts'], testTimeout: programMsMax, env };
    writeFileSync(join(this.folder, 'vitest.config.mjs'), `export default ${JSON.stringify({ ...settings, test })};\n`);
  }

  pathOf({ page, name }: PageFile): string {
    return join(this.folder, page.replace(/\.md$/, ''), name);
  }

  /** What the compiler says, a line each, by the file, with the line of the page. */
  async compile(): Promise<ReadonlyMap<PageFile, readonly string[]>> {
    const { stdout, stderr, code } = await run(
      [compilerProgram, '-p', this.folder, '--pretty', 'false'],
      '.',
      allMsMax,
    );
    const said = new Map<PageFile, string[]>(this.#files.map((file) => [file, []]));
    const byPath = new Map(this.#files.map((file) => [this.pathOf(file), file]));
    for (const line of `${stdout}${stderr}`.split('\n')) {
      const match = /^(.+?)\((\d+),\d+\): (.*)$/.exec(line);
      const file = match === null ? undefined : byPath.get(resolve(match[1] ?? ''));
      if (file !== undefined)
        said.get(file)?.push(`${file.page}:${file.pageLines[Number(match?.[2]) - 1]}: ${match?.[3]}`);
      else if (match !== null) throw new Error(line); // not in a page: the sources are broken
    }
    if (code !== 0 && [...said.values()].every((lines) => lines.length === 0)) throw new Error(`${stdout}${stderr}`);
    return said;
  }

  runProgram(file: PageFile): Promise<Ran> {
    return runProgram(this.pathOf(file), this.folder);
  }

  /** Whether each test file of the pages passed, and what it said if not. */
  async runTests(): Promise<ReadonlyMap<string, { readonly passed: number; readonly said: string }>> {
    const report = join(this.folder, 'report.json');
    const args = [resolve(vitestProgram), 'run', '--root', this.folder, '--reporter=default', '--reporter=json'];
    const { stdout, stderr } = await run([...args, `--outputFile.json=${report}`], this.folder, allMsMax);
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
    return new Map(
      testResults.map(({ name, status, assertionResults }) => [
        name,
        { passed: status === 'passed' ? assertionResults.length : 0, said: `${stdout}${stderr}` },
      ]),
    );
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Of each simulation in a test on a page, whatever it asks for: pages tell readers of more than is needed here. */
const seedCount = 10;

/** Settings of the project, but what a page declares for its reader need not be used. */
const readersSettings = { noUnusedLocals: false, noUnusedParameters: false, skipLibCheck: true };

export function runProgram(path: string, cwd: string): Promise<Ran> {
  return run([`--conditions=${sourceCondition}`, resolve(path)], cwd, programMsMax);
}

/** As a reader without a terminal would see it: no colours. */
function run(args: readonly string[], cwd: string, timeout: number): Promise<Ran> {
  const { FORCE_COLOR: _, ...env } = process.env;
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, NO_COLOR: '1' },
      timeout,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, signal) => done({ code, signal, stdout, stderr }));
  });
}

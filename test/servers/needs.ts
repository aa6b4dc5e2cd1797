/**
 * What tests need beyond `npm ci`: one row a program. `npm test` looks for each before it starts, installs what is
 * missing where it may (root, apt), and says loudly what it could not get. A test asks `programOf(name)` and skips
 * when it answers null: `test.skipIf(programOf('chromium') === null)`.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Need {
  readonly name: string;
  /** Where it is looked for, in order: an absolute path, or a name on the PATH. */
  readonly programs: readonly string[];
  readonly debianPackage: string;
  /** The suites that have tests of it. */
  readonly suites: readonly string[];
}

export const needs: readonly Need[] = [
  {
    name: 'chromium',
    programs: ['/usr/bin/chromium', 'chromium', 'chromium-browser', 'google-chrome'],
    debianPackage: 'chromium',
    suites: ['browser'],
  },
  {
    name: 'redis-server',
    programs: ['redis-server', '/usr/bin/redis-server'],
    debianPackage: 'redis-server',
    suites: ['house', 'integration'], // bench/log.bench.ts at its smallest is in the first
  },
  {
    name: 'nats-server',
    programs: ['nats-server', '/usr/sbin/nats-server'],
    debianPackage: 'nats-server',
    suites: ['house', 'engines'],
  },
  {
    name: 'postgresql',
    programs: [18, 17, 16, 15, 14, 13].map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
    debianPackage: 'postgresql',
    suites: ['house', 'engines'],
  },
  {
    name: 'pgbouncer',
    programs: ['pgbouncer', '/usr/sbin/pgbouncer'],
    debianPackage: 'pgbouncer',
    suites: ['engines'],
  },
];

/** Names, separated by commas, of what `npm test` could not get and told its suites to do without. */
export const missingVariable = 'LOCKSTEP_MISSING';

/** The program's path, or null when it is not there, or when this run was told to do without it. */
export function programOf(name: string): string | null {
  const need = needs.find((one) => one.name === name);
  if (need === undefined) throw new Error(`'${name}' is not in the table of test/servers/needs.ts`);
  if ((process.env[missingVariable] ?? '').split(',').includes(name)) return null;
  return findProgram(need);
}

export function findProgram(need: Need): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = need.programs.flatMap((program) =>
    program.startsWith('/') ? [program] : folders.map((folder) => join(folder, program)),
  );
  return places.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not ours to run: the next place is tried
  }
}

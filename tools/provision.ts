/**
 * Gets what tests need beyond `npm ci`, from the table in test/servers/needs.ts. As root on Debian it installs what is
 * missing; elsewhere it names it, and with CI=true that is a failure. The package manager's output is kept in a file
 * and shown only when it failed.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, type Need } from '../test/servers/needs.ts';

/** For all of it: a registry that hangs must not take the tests' time. */
const installMsMax = 240_000;

export interface Provision {
  /** What could not be had; the suites run without. */
  readonly missing: readonly Need[];
}

/** Finds or installs each, and says loudly what is missing then. `installer` is null where nothing may be installed. */
export function provision(needs: readonly Need[], installer = debianInstaller()): Provision {
  const absent = needs.filter((need) => findProgram(need) === null);
  if (absent.length > 0) installer?.(absent);
  const missing = absent.filter((need) => findProgram(need) === null);
  for (const need of missing) {
    console.log(
      `\n!! ${need.name} is missing: tests of it in ${need.suites.join(', ')} are SKIPPED.` +
        `\n!! Install Debian's package ${need.debianPackage}, or run as root where apt-get is.\n`,
    );
  }
  return { missing };
}

type Installer = (absent: readonly Need[]) => void;

function debianInstaller(): Installer | null {
  const isRoot = process.getuid?.() === 0;
  return isRoot && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0 ? install : null;
}

function install(absent: readonly Need[]): void {
  const packages = absent.map((need) => need.debianPackage);
  console.log(`installing from Debian: ${packages.join(' ')}`);
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-apt-'));
  const log = join(folder, 'apt.log');
  const wanted = ['install', '-y', '--no-install-recommends', ...packages];
  // The lists of packages may be missing or old: only then are they fetched.
  const aptGet = (args: readonly string[]) => runAptGet(args, log, installMsMax - (performance.now() - startedAt));
  const installed = aptGet(wanted) || (aptGet(['update']) && aptGet(wanted));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (installed) console.log(`installed in ${seconds} s`);
  else console.log(`apt-get failed after ${seconds} s:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
  rmSync(folder, { recursive: true });
}

function runAptGet(args: readonly string[], log: string, msMax: number): boolean {
  if (msMax <= 0) return false;
  const result = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: Math.ceil(msMax),
  });
  appendFileSync(log, `apt-get ${args.join(' ')}\n${result.stdout}${result.stderr}${result.error ?? ''}\n`);
  return result.status === 0;
}

/**
 * `npm run check`: all that a person runs before a commit, and all that CI runs. Steps in order; the first failure
 * stops. `npm run check -- lint package` runs those steps alone.
 */
import { existsSync } from 'node:fs';
import { build } from './build.ts';
import { checkPackage } from './check-package.ts';
import { compilerProgram, compilerProjects, runNode } from './run-suite.ts';

interface Step {
  readonly name: string;
  readonly run: () => Promise<boolean>;
}

const stepMsMax = 600_000;
const node = async (...args: string[]): Promise<boolean> => (await runNode(args, stepMsMax)) === 0;

const steps: readonly Step[] = [
  { name: 'format', run: () => node('node_modules/oxfmt/bin/oxfmt', '--check') },
  {
    name: 'types',
    run: async () => {
      for (const project of compilerProjects) if (!(await node(compilerProgram, '-p', project))) return false;
      return true;
    },
  },
  { name: 'lint', run: () => node('node_modules/oxlint/bin/oxlint', '--deny-warnings') },
  { name: 'build', run: build },
  { name: 'dead', run: () => node('node_modules/knip/bin/knip.js') },
  { name: 'tests', run: () => node('tools/test.ts') },
  { name: 'simulation', run: simulate },
  { name: 'package', run: checkPackage },
];

async function simulate(): Promise<boolean> {
  if (!existsSync('tools/sim.ts')) {
    console.log('SKIPPED: there is no tools/sim.ts yet');
    return true;
  }
  return node('--conditions=lockstep-source', 'tools/sim.ts', 'all', '--seeds', '20');
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0)
  throw new Error(`no step ${unknown.join(', ')}; there are ${steps.map((s) => s.name).join(', ')}`);

for (const step of steps.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  console.log(`\n── ${step.name}`);
  const startedAt = performance.now();
  const passed = await step.run();
  console.log(`${passed ? '✓' : '✗'} ${step.name}, ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  if (!passed) {
    process.exitCode = 1;
    break;
  }
}

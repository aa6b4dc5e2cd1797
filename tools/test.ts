/**
 * `npm test`: sets up what tests need, runs the suites in order, each with its budget, and ends with the line
 * `tests: N passed, N failed`. `npm test -- unit house` runs those suites, `npm test -- src/kernel` the test files
 * whose path holds that, in whatever suite they are.
 */
import { provision } from './provision.ts';
import { runSuite, type Counts } from './run-suite.ts';
import { suites, type Suite } from './suites.ts';
import { missingVariable, needs } from '../test/servers/needs.ts';

const args = process.argv.slice(2);
const named = suites.filter((suite) => args.includes(suite.name));
const patterns = args.filter((arg) => !suites.some((suite) => suite.name === arg));
const chosen = named.length > 0 ? named : suites.filter((suite) => patterns.length === 0 || suite.include !== null);

const factor = Number(process.env['LOCKSTEP_BUDGET_FACTOR'] ?? '1');
if (!Number.isFinite(factor) || factor <= 0) throw new Error('LOCKSTEP_BUDGET_FACTOR is a number above 0');

const startedAt = performance.now();
const { missing } = provision(needs.filter((need) => need.suites.some((name) => chosen.some((s) => s.name === name))));
process.env[missingVariable] = missing.map((need) => need.name).join(',');

let total: Counts = { passed: 0, failed: 0, skipped: 0 };
const lines: string[] = [];
const failures: string[] = [];
for (const suite of chosen) await runOne(suite);
const missingFails = process.env['CI'] === 'true' ? missing.length : 0;
if (missingFails > 0) {
  console.log(`CI=true, and these are missing: ${missing.map((need) => need.name).join(', ')}`);
  total = { ...total, failed: total.failed + missingFails };
}

console.log(`\n${lines.join('\n')}`);
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`all suites: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`);
if (patterns.length > 0 && total.passed + total.failed + total.skipped === 0) {
  console.log(`no test matches ${patterns.join(' ')}`);
  total = { ...total, failed: 1 };
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`tests: ${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function runOne(suite: Suite): Promise<void> {
  const budgetSeconds = suite.budgetSeconds * factor;
  console.log(`\n── ${suite.name}: ${suite.holds} (budget ${budgetSeconds} s)`);
  const run = await runSuite(suite, patterns, budgetSeconds);
  const { passed, failed } = run;
  failures.push(...run.failures.map((failure) => `${suite.name}: ${failure}`));
  total = { passed: total.passed + passed, failed: total.failed + failed, skipped: total.skipped + run.skipped };
  const counts = passed + failed + run.skipped === 0 ? 'no tests' : `${passed} passed, ${failed} failed`;
  const skippedHere = run.skipped > 0 ? `, ${run.skipped} skipped` : '';
  lines.push(
    `${failed === 0 ? '✓' : '✗'} ${suite.name.padEnd(12)} ${counts}${skippedHere}, ${run.seconds.toFixed(1)} s of ${budgetSeconds} s`,
  );
}

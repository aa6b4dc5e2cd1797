/** What `npm test` counts: the last line and the exit code must never disagree with what happened. */
import { expect, test } from 'vitest';
import { countsOf, filesOf, type VitestReport } from './run-suite.ts';
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
  const file = { name: 'x.test.ts', status: 'failed', assertionResults: [] };
  expect(countsOf(report({ testResults: [file] }), 1)).toMatchObject({ passed: 2, failed: 1 });
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

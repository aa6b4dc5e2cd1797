/**
 * The rules of the house over the whole repository: each file that breaks one is named with its line and with what to
 * do instead. The rules themselves are in tools/tidy/, and tools/tidy/rules.test.ts shows that each can fail.
 */
import { matchesGlob } from 'node:path';
import { expect, test } from 'vitest';
import { suites } from './suites.ts';
import { rules } from './tidy/rules.ts';
import { findingsOf, readSources, type Finding } from './tidy/source.ts';
import { readTexts, strangersIn } from './tidy/words.ts';

const sources = readSources();
const findings = findingsOf(rules, sources);
const print = ({ path, line, message }: Finding): string => `${path}:${line}: ${message}`;

test.each(rules.map((rule) => rule.name))('%s', (name) => {
  expect(findings.filter(({ message }) => message.startsWith(`${name}: `)).map(print)).toEqual([]);
});

test('every exception names a rule, has a reason, and excuses something', () => {
  expect(findings.filter(({ message }) => message.startsWith('tidy: ')).map(print)).toEqual([]);
});

test('no file names a place of one machine or the host of a registry', () => {
  const texts = readTexts();
  expect(texts.map(({ path }) => path)).toContain('package-lock.json');
  expect(texts.flatMap(({ path, text }) => strangersIn(path, text)).map(print)).toEqual([]);
});

test('every test file belongs to exactly one suite', () => {
  const tests = [...sources.keys()].filter((path) => path.endsWith('.test.ts'));
  const suitesOf = (path: string) =>
    suites.filter(({ include, exclude }) => {
      const matches = (globs: readonly string[]) => globs.some((glob) => matchesGlob(path, glob));
      return matches(include ?? []) && !matches(exclude);
    });
  expect(tests.length).toBeGreaterThan(0);
  expect(tests.filter((path) => suitesOf(path).length !== 1)).toEqual([]);
});

test('the budgets of all suites together stay under ten minutes', () => {
  expect(suites.reduce((sum, suite) => sum + suite.budgetSeconds, 0)).toBeLessThan(600);
});

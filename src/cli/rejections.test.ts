/** Which line `dev` prints of what was rejected, and when. */
import { expect, test } from 'vitest';
import { commandMetricNames } from '../node/command-metrics.ts';
import { Metrics } from '../observe/metrics.ts';
import { Rejections } from './rejections.ts';

test('the first of a code is told at once; how many more there were, half a minute later, or with another code', () => {
  const metrics = new Metrics();
  const rejections = new Rejections(metrics);
  expect(rejections.line(0)).toBeNull();
  const family = metrics.counters({ name: commandMetricNames.rejections, help: '', labels: ['machine', 'code'] });
  const reject = (code: string, count: number): void => family.of({ machine: 'account', code }).add(count);
  reject('closed', 1);
  expect(rejections.line(1_000)).toBe('  rejected     account closed');
  reject('closed', 2);
  expect(rejections.line(2_000)).toBeNull();
  reject('insufficient\u001bfunds', 1);
  expect(rejections.line(3_000)).toBe('  rejected     account closed 2 times · account insufficient\\u{1b}funds');
  reject('closed', 3);
  expect(rejections.line(32_999)).toBeNull();
  expect(rejections.line(33_000)).toBe('  rejected     account closed 3 times');
  expect(rejections.line(99_000)).toBeNull();
});

/** The scenarios of what lies below partitions, and that none is forgotten. */
import { expect, test } from 'vitest';
import { belowPartitions, catalogue } from './catalogue.ts';
import { judge, seedCounts, verdictOf } from './judged.ts';

judge(belowPartitions);

test('every planted bug has the verdict that it must get, and every scenario its count of seeds', () => {
  const bugs = new Set(catalogue.flatMap((scenario) => scenario.bugs));
  expect([...bugs].toSorted()).toEqual(Object.keys(verdictOf).toSorted());
  expect(catalogue.map(({ name }) => name).toSorted()).toEqual(Object.keys(seedCounts).toSorted());
});

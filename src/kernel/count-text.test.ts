import { expect, test } from 'vitest';
import { countText } from './count-text.ts';

test('digits stand in groups of three', () => {
  expect([0, 999, 1_000, 12_034, 123_456_789].map(countText)).toEqual(['0', '999', '1,000', '12,034', '123,456,789']);
});

/** What a long command says of the time that it still takes. */
import { expect, test } from 'vitest';
import { leftText } from './progress.ts';

test('the rest takes as long as what is done did, and nothing is said of what has hardly begun', () => {
  expect(leftText(0.5, 4_000)).toBe('4.0 s left');
  expect(leftText(0.1, 60_000)).toBe('9 min left');
  expect(leftText(1, 4_000)).toBe('0.0 s left');
  expect(leftText(0.001, 4_000)).toBe('');
});

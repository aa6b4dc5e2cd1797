import { expect, test } from 'vitest';
import { printable } from '../kernel/printable.ts';

test('what could steer a terminal, hide or reorder text becomes visible; everything else stays', () => {
  expect(printable('acme/ö-1 🐢 日本')).toBe('acme/ö-1 🐢 日本');
  expect(printable('a\u001b[2J\n\u202eb\u200b\u2028\u{e0041}')).toBe(
    'a\\u{1b}[2J\\u{a}\\u{202e}b\\u{200b}\\u{2028}\\u{e0041}',
  );
  expect(printable('\ud800')).toBe('\ufffd');
});

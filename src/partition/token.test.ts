import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { commandId, timeOfCommand, timePrefix } from './command-id.ts';
import { joinTokens, parseToken, parseTokenOf, printToken, tokensIn } from './token.ts';

const partition = '0123456789abcdef';

test('a token is read as it was printed, and other texts are none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.maxSafeNat(), (generation, revision) => {
      const parts = { partition, generation, revision };
      const token = printToken(parts);
      expect(parseToken(token)).toEqual(parts);
      expect(printToken(parseToken(token))).toBe(token);
    }),
  );
  for (const text of [
    '',
    'x',
    `${partition}.1`,
    `${partition}.0.1`,
    `${partition}.1.01`,
    `${partition}.1.-1`,
    `${partition}.1.zzzzzzzzzzz`,
  ])
    expect(() => parseToken(text), text).toThrow('no token');
});

test('of a token of several partitions each takes its own', () => {
  const parts = ['0', '1', '2'].map((digit, index) => ({
    partition: digit.repeat(16),
    generation: 1,
    revision: index,
  }));
  const joined = joinTokens(parts.map(printToken));
  expect(tokensIn(joined).map(parseToken)).toEqual(parts);
  for (const one of parts) expect(parseTokenOf(joined, one.partition)).toEqual(one);
  expect(() => parseTokenOf(joined, partition)).toThrow('of other partitions');
  const alone = printToken({ partition, generation: 1, revision: 7 });
  expect(parseTokenOf(alone, null)).toEqual(parseToken(alone)); // whose it is, is checked elsewhere
});

test('command ids have the order of their times, UUIDs and own ones alike', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 2 ** 47 }),
      fc.nat({ max: 2 ** 47 }),
      fc.string({ minLength: 1, unit: 'grapheme-ascii' }),
      (a, b, name) => {
        const own = commandId(new Date(a), name);
        const uuid = `${timePrefix(b)}-7abc-8def-0123456789ab`;
        expect([timeOfCommand(own), timeOfCommand(uuid)]).toEqual([a, b]);
        if (a !== b) expect(own < uuid).toBe(a < b);
        expect(own >= timePrefix(a)).toBe(true);
      },
    ),
  );
});

test('what is no command id is refused', () => {
  for (const text of [
    '',
    'x',
    '0192f0c1-2345-4abc-8def-0123456789ab',
    `${timePrefix(1)}-n-`,
    `${timePrefix(1)}-n-\ud800`,
  ])
    try {
      timeOfCommand(text);
      expect.unreachable(text);
    } catch (error) {
      expect(isLockstepError(error, 'invalid'), text).toBe(true);
    }
  expect(() => commandId(new Date(Number.NaN), 'a')).toThrow('a date');
  expect(() => commandId(new Date(0), '')).toThrow('1 to 128');
  expect(() => commandId(new Date(0), 'x'.repeat(129))).toThrow('1 to 128');
});

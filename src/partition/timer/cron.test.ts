import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextCron } from './cron.ts';

const after = (pattern: string, text: string): string =>
  new Date(nextCron(pattern, Date.parse(text))).toISOString().replace(':00.000Z', '');

test.each([
  ['* * * * *', '2026-11-22T12:00:00Z', '2026-11-22T12:01'],
  ['* * * * *', '2026-11-22T12:00:59.999Z', '2026-11-22T12:01'],
  ['*/15 * * * *', '2026-11-22T12:46:00Z', '2026-11-22T13:00'],
  ['7/20 * * * *', '2026-11-22T12:00:00Z', '2026-11-22T12:07'],
  ['0 4 * * *', '2026-11-22T04:00:00Z', '2026-11-23T04:00'],
  ['30 4 * * mon-fri', '2026-11-20T05:00:00Z', '2026-11-23T04:30'],
  ['0 0 * * 7', '2026-11-22T00:00:00Z', '2026-11-29T00:00'],
  ['0 0 * * 5-7', '2026-11-21T12:00:00Z', '2026-11-22T00:00'],
  ['0 0 13 * fri', '2026-11-09T00:00:00Z', '2026-11-13T00:00'],
  ['0 0 13 * fri', '2026-11-13T00:00:00Z', '2026-11-20T00:00'], // either of the two days
  ['0 0 */2 * fri', '2026-11-13T00:00:00Z', '2026-11-27T00:00'], // both, as one is a star
  ['0 0 31 * *', '2026-11-22T00:00:00Z', '2026-12-31T00:00'],
  ['0 0 29 feb *', '2026-11-22T00:00:00Z', '2028-02-29T00:00'],
  ['0 0 29 2 *', '2096-03-01T00:00:00Z', '2104-02-29T00:00'], // 2100 has none
  ['59 23 31 12 *', '2026-12-31T23:59:00Z', '2027-12-31T23:59'],
  ['1,2,10-12 8 * Jan,MAR *', '2026-11-22T00:00:00Z', '2027-01-01T08:01'],
  ['@hourly', '2026-11-22T12:00:00Z', '2026-11-22T13:00'],
  ['@weekly', '2026-11-22T12:00:00Z', '2026-11-29T00:00'],
])('%s after %s is %s', (pattern, text, expected) => {
  expect(after(pattern, text)).toBe(expected);
});

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 8',
  '*/0 * * * *',
  '5-1 * * * *',
  '1-2-3 * * * *',
  'a * * * *',
  '1, * * * *',
  '-1 * * * *',
  '0 0 30 feb *',
  '@often',
])("'%s' is refused", (pattern) => {
  expect(() => nextCron(pattern, 0)).toThrow(expect.objectContaining({ kind: 'misuse' }));
});

test('what comes next is the first minute that fits, against looking at every minute', () => {
  const field = (first: number, last: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: first, max: last }).map(String),
      fc
        .tuple(fc.integer({ min: first, max: last }), fc.integer({ min: first, max: last }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      fc.integer({ min: 2, max: 9 }).map((step) => `*/${step}`),
    );
  const fits = (text: string, value: number, first: number): boolean => {
    if (text === '*') return true;
    if (text.startsWith('*/')) return (value - first) % Number(text.slice(2)) === 0;
    const [from, to = from] = text.split('-').map(Number) as [number, number?];
    return value >= from && value <= to;
  };
  fc.assert(
    fc.property(
      fc.tuple(field(0, 59), field(0, 23), field(1, 28), fc.constant('*'), field(0, 6)),
      fc.integer({ min: 0, max: 4 * 365 * 24 * 60 }),
      ([minute, hour, day, month, weekday], startMinutes) => {
        const startMs = Date.UTC(2026, 0, 1) + startMinutes * 60_000;
        const found = nextCron([minute, hour, day, month, weekday].join(' '), startMs);
        const isAnyDay = day.startsWith('*') || weekday.startsWith('*');
        for (let ms = startMs + 60_000, count = 0; count < 3_000; ms += 60_000, count++) {
          const date = new Date(ms);
          const [ofMonth, ofWeek] = [fits(day, date.getUTCDate(), 1), fits(weekday, date.getUTCDay(), 0)];
          const isDay = isAnyDay ? ofMonth && ofWeek : ofMonth || ofWeek;
          const isTime = fits(minute, date.getUTCMinutes(), 0) && fits(hour, date.getUTCHours(), 0);
          if (isDay && isTime) return found === ms;
        }
        return found > startMs + 3_000 * 60_000;
      },
    ),
    { numRuns: 300 },
  );
});

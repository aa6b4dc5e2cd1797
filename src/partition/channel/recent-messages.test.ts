import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OutMessage } from './outbox.ts';
import { RecentMessages } from './recent-messages.ts';

const limits = { countMax: 6, bytesMax: 40 };
const batch = { countMax: 3, bytesMax: 20 };
const sizes = fc.array(fc.nat(15), { minLength: 1, maxLength: 40 });

/** All that were ever sent, from number 1. */
function messagesOf(lengths: readonly number[]): readonly OutMessage[] {
  let total = 0;
  return lengths.map((length, index) => {
    total += length;
    return { generation: 1, number: index + 1, total, bytes: new Uint8Array(length) };
  });
}

test('what is given is what comes next, in order, within the limits, or nothing; and it forgets what is behind', () => {
  let given = 0;
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(4), { maxLength: 40 }), (lengths, steps) => {
      const all = messagesOf(lengths);
      const recent = new RecentMessages(limits);
      let [sent, taken] = [0, 0];
      for (const step of [...steps, ...lengths.map(() => 1)]) {
        for (const message of all.slice(sent, sent + step)) recent.add(message);
        sent = Math.min(all.length, sent + step);
        const next = recent.after(taken, batch);
        expect(next).toEqual(all.slice(taken, taken + next.length));
        expect(next.length).toBeLessThanOrEqual(batch.countMax);
        if (next.length > 1) expect(next.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(20);
        given += next.length;
        // Where nothing is known the state is asked, which knows all that was sent.
        taken += next.length > 0 ? next.length : Math.min(2, sent - taken);
      }
    }),
  );
  expect(given).toBeGreaterThan(100);
});

test('a message that would leave a gap, or not fit, is left to the state', () => {
  const [one, two, three, four, five] = messagesOf([10, 10, 10, 10, 10]) as [
    OutMessage,
    OutMessage,
    OutMessage,
    OutMessage,
    OutMessage,
  ];
  const recent = new RecentMessages({ countMax: 2, bytesMax: 100 });
  for (const message of [one, two, three]) recent.add(message);
  expect(recent.after(0, batch)).toEqual([one, two]);
  recent.add(four);
  expect(recent.after(2, batch)).toEqual([]);
  recent.add(five);
  expect(recent.after(4, batch)).toEqual([five]);
});

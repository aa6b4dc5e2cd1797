/** The judge of a chaos of partitions, given what cannot be. */
import { expect, test } from 'vitest';
import { judge, type Notes } from './judge.ts';
import type { Note } from './requests.ts';
import { Witness } from './witness.ts';

const empty: Notes = { ran: [], sent: [], got: [], fired: [] };
const ran = (...counts: readonly (readonly [id: string, count: number])[]): readonly Note[] =>
  counts.map(([id, count]) => [['ran', id], count]);

test('what fits is no problem', () => {
  const witness = new Witness();
  for (const [id, fate] of [
    ['a', 'acknowledged'],
    ['b', 'denied'],
    ['c', 'unknown'],
    ['d', 'unknown'],
  ] as const)
    witness.fate(id, fate);
  witness.sends.set('hello', 'acknowledged');
  witness.timers.set('t', { set: 'acknowledged', cancelled: 'absent' });
  const notes: Notes = {
    ran: ran(['a', 1], ['c', 1]),
    sent: [[['sent', 0, 1], 'hello']],
    got: [[['got', 0, 1], 'hello']],
    fired: [[['fired', 't'], 1]],
  };
  const { problems, numbers } = judge(witness, [notes, empty]);
  expect(problems).toEqual([]);
  expect(numbers).toMatchObject({ commands: 4, lost: 0, unknownAndDone: 1, messages: 1, fired: 1 });
});

test.each([
  ['acknowledged', 0, 'lost'],
  ['acknowledged', 2, 'doubled'],
  ['denied', 1, 'deniedAndDone'],
  ['unknown', 2, 'doubled'],
] as const)('a command that is %s and ran %d times is a problem', (fate, count, number) => {
  const witness = new Witness();
  witness.fate('a', fate);
  const { problems, numbers } = judge(witness, [{ ...empty, ran: count === 0 ? [] : ran(['a', count]) }, empty]);
  expect(problems).toEqual([`the command a is ${fate}, and ran ${count} times`]);
  expect(numbers[number]).toBe(1);
});

test.each([
  ['lost', []],
  ['doubled', ['one', 'two', 'two']],
  ['out of order', ['two', 'one']],
])('messages that are %s are a problem', (_, arrived) => {
  const sent = ['one', 'two'].map((name, index): Note => [['sent', 1, index + 1], name]);
  const got = arrived.map((name, index): Note => [['got', 0, index + 1], name]);
  expect(
    judge(new Witness(), [
      { ...empty, sent },
      { ...empty, got },
    ]).problems,
  ).toHaveLength(1);
});

test.each([
  ['was set and never fires', { set: 'acknowledged', cancelled: null }, 0],
  ['fires twice', { set: 'acknowledged', cancelled: null }, 2],
  ['fires after it was cancelled', { set: 'acknowledged', cancelled: 'cancelled' }, 1],
  ['was not set and fires', { set: 'denied', cancelled: null }, 1],
] as const)('a timer that %s is a problem', (_, told, count) => {
  const witness = new Witness();
  witness.timers.set('t', told);
  expect(judge(witness, [{ ...empty, fired: [[['fired', 't'], count]] }, empty]).problems).toHaveLength(1);
});

test('a stale read of the newest state, and a list that forgets, come with a page each', () => {
  const witness = new Witness();
  witness.keys.invoke('ann', { kind: 'put', key: 'k', value: 1 }).ok(null);
  witness.keys.invoke('ann', { kind: 'get', key: 'k' }).ok(null);
  witness.lists.invoke('ann', [{ kind: 'append', key: 'l', value: 1 }]).ok([{ kind: 'append', key: 'l', value: 1 }]);
  witness.lists.invoke('ann', [{ kind: 'read', key: 'l' }]).ok([{ kind: 'read', key: 'l', value: null }]);
  const { histories, counterexamples } = judge(witness, [empty, empty]);
  expect(histories.keys).toContain('violation for k');
  expect(histories.lists).toContain('not serializable');
  expect(counterexamples.map(({ file }) => file)).toEqual(['keys.html', 'lists.html']);
});

test('a token that two owners show, and one older than what the store saw', () => {
  const witness = new Witness();
  expect(witness.store('lock', 5, 'ann')).toBe(true);
  expect(witness.store('lock', 4, 'bob')).toBe(false);
  expect(witness.problems).toEqual([]);
  witness.store('lock', 5, 'bob');
  expect(judge(witness, [empty, empty]).problems).toEqual(['bob and ann hold lock with one token, 5']);
});

import { expect, test } from 'vitest';
import { checkLinearizable } from './linearizability.ts';
import { keyed } from './model.ts';
import { queue, type QueueCall, register, type RegisterCall, type Value } from './models.ts';
import { mergeHistories, recorder } from './recorder.ts';
import { explainLinearizability } from './report.ts';
import { htmlTimeline } from './timeline-html.ts';

test('a counterexample is drawn with an order as far as it goes, and what makes no difference is counted', () => {
  const notes = recorder<RegisterCall, Value>();
  notes.invoke('z', { kind: 'write', value: 9 }).ok(null);
  notes.invoke('y', { kind: 'write', value: 8 }).info();
  notes.invoke('y', { kind: 'read' }).fail();
  notes.invoke('alice', { kind: 'write', value: 1 }).ok(null);
  const under = notes.invoke('bob', { kind: 'write', value: 2 });
  notes.invoke('alice', { kind: 'read' }).ok(2);
  notes.invoke('<carol>', { kind: 'read' }).ok(1);
  under.ok(null);
  const history = notes.history();
  const verdict = checkLinearizable(history, register());
  expect(explainLinearizability(history, verdict).replace(/\d+ steps/, '… steps'))
    .toBe(`not linearizable: 7 operations, 1 key, … steps; violated: the one key

alice    ├ 1. write 1 ┤   ├ 3. read → 2 ┤
bob                     ├ 2. write 2 ? ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
<carol>                                   ├ read → 1 ┤ ✗

the order that goes furthest:
  1. alice: write 1 (operation 3), then the state is 1
  2. bob: write 2 ? (operation 4), then the state is 2
  3. alice: read → 2 (operation 5), then the state is 2
cannot be placed before it ended, the state being 2:
  <carol>: read → 1 (operation 6)
whether and when 2 other operations took effect makes no difference
`);
  const page = htmlTimeline(history, verdict, { title: 'a <b>' });
  expect(page).toContain('<h1>a &lt;b&gt;</h1>');
  expect(page).not.toContain('<carol>');
  expect(page.match(/<rect /g)).toHaveLength(4);
});

test('of many keys the verdict names those that are violated, and the drawing is of one', () => {
  const notes = recorder<{ readonly key: string; readonly call: QueueCall }, Value>();
  for (const key of ['a', 'b', 'c']) notes.invoke('p', { key, call: { kind: 'enqueue', value: 1 } }).ok(null);
  notes.invoke('p', { key: 'b', call: { kind: 'dequeue' } }).ok(2);
  const text = explainLinearizability(notes.history(), checkLinearizable(notes.history(), keyed(queue())));
  expect(text).toContain('4 operations, 3 keys');
  expect(text).toContain('violated: ["b",""]');
  expect(text).toContain('dequeue → 2 ┤ ✗');
});

test('an unknown verdict says which limit was reached and what to do', () => {
  const notes = recorder<RegisterCall, Value>();
  for (const value of [1, 2, 3]) notes.invoke('p', { kind: 'write', value }).ok(null);
  const verdict = checkLinearizable(notes.history(), register(), { budget: { stepCountMax: 1 } });
  expect(explainLinearizability(notes.history(), verdict)).toMatch(
    /^unknown: .*\nnot judged: the one key\nwhat to do: /,
  );
});

test('the recorder refuses what no process can do, and run tells a failure from a lost answer', async () => {
  const notes = recorder<string, number>({ now: () => 5 });
  const open = notes.invoke('p', 'one');
  expect(() => notes.invoke('p', 'two')).toThrow('one operation at a time process=`p`');
  open.ok(1);
  expect(() => open.fail()).toThrow('an operation ends once');
  await expect(notes.run('p', 'three', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  const refusal = Object.assign(new Error('full'), { '~lockstep': true, happened: 'no' });
  await expect(notes.run('p', 'four', () => Promise.reject(refusal))).rejects.toThrow('full');
  expect(notes.history().map(({ outcome }) => outcome.kind)).toEqual(['ok', 'info', 'fail']);
});

test('merging widens by the error of the clocks: a lag within it is no violation, one beyond it is', () => {
  let now = 0;
  const [writer, reader] = [{ now: () => now }, { now: () => now + 10 }].map((clock) =>
    recorder<RegisterCall, Value>(clock),
  );
  if (writer === undefined || reader === undefined) throw new Error('two recorders');
  const read = reader.invoke('reader', { kind: 'read' });
  now = 3;
  read.ok(null); // by its own clock from 10 to 13, and in truth before the write
  now = 5;
  const write = writer.invoke('writer', { kind: 'write', value: 1 });
  now = 6;
  write.ok(null);
  const judge = (clockErrorMs: number) =>
    checkLinearizable(mergeHistories([writer.history(), reader.history()], { clockErrorMs }), register()).kind;
  expect(judge(0)).toBe('violation');
  expect(judge(10)).toBe('ok');
  expect(() => judge(-1)).toThrow('clockErrorMs');
  expect(() => mergeHistories([writer.history(), writer.history()], { clockErrorMs: 0 })).toThrow('process=`writer`');
});

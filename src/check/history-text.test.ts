import { expect, test } from 'vitest';
import { EdnReader } from './edn.ts';
import { parseHistory } from './history-text.ts';
import { checkLinearizable } from './linearizability.ts';
import { historyFor } from './named-models.ts';

const judge = (text: string, model: string, options: { isKeyed?: boolean; initial?: number } = {}): string => {
  const { history, model: judged } = historyFor(parseHistory(text), model, options);
  return checkLinearizable(history, judged).kind;
};

const edn = `; a comment
{:process 0, :type :invoke, :f :write, :value 1}
{:process 0, :type :ok, :f :write, :value 1, :time 17}
{:process 1, :type :invoke, :f :cas, :value [1 2]}
{:process :nemesis, :type :info, :f :start, :value nil}
{:process 1, :type :ok, :f :cas, :value [1 2]}
{:process 2, :type :invoke, :f :read, :value nil}
{:process 2, :type :ok, :f :read, :value 2}
`;

test('EDN lines as Jepsen writes them, also as one vector, are read in the order of the lines', () => {
  const operations = parseHistory(edn);
  expect(operations.map(({ line }) => line)).toEqual([2, 4, 7]);
  expect(operations[1]?.operation).toEqual({
    process: '1',
    call: { f: 'cas', value: [1, 2] },
    invokedAt: 3,
    outcome: { kind: 'ok', at: 5, result: [1, 2] },
  });
  expect(judge(edn, 'cas-register')).toBe('ok');
  expect(judge(`[${edn}]`, 'cas-register')).toBe('ok');
  expect(judge(edn.replace(':f :read, :value 2', ':f :read, :value 1'), 'cas-register')).toBe('violation');
  expect(judge(edn.replace(':type :ok, :f :cas', ':type :fail, :f :cas'), 'cas-register')).toBe('violation');
  expect(judge(edn.replace(':type :ok, :f :cas', ':type :info, :f :cas'), 'cas-register')).toBe('ok');
});

test('the lines of Jepsen’s log are read, with spaces or tabs, and its other lines passed over', () => {
  const log = `INFO  jepsen.core - 5 nodes are up
INFO  jepsen.util - 0 :invoke :write 3
INFO  jepsen.util - :nemesis :info :start "Cut off [:n1]"
INFO  jepsen.util - 0\t:info\t:write\t3\t:timed-out
2026-01-01 10:00:00 INFO  jepsen.util - 1 :invoke :read nil
INFO  jepsen.util - 1 :ok :read 3
`;
  expect(parseHistory(log).map(({ operation }) => operation.outcome.kind)).toEqual(['info', 'ok']);
  expect(judge(log, 'register')).toBe('ok');
  expect(judge(log.replace(':ok :read 3', ':ok :read 4'), 'register')).toBe('violation');
  expect(judge(log.replace(':ok :read 3', ':ok :read 7'), 'register', { initial: 7 })).toBe('ok');
});

test('keyed values are a key and a value', () => {
  const keyed = `{:process 0, :type :invoke, :f :write, :value [a 1]}
{:process 0, :type :ok, :f :write, :value [a 1]}
{:process 0, :type :invoke, :f :cas, :value ["b" [nil 2]]}
{:process 0, :type :ok, :f :cas, :value ["b" [nil 2]]}
{:process 0, :type :invoke, :f :read, :value [b nil]}
{:process 0, :type :ok, :f :read, :value [b 2]}
`;
  expect(judge(keyed, 'key-value')).toBe('ok');
  expect(judge(keyed, 'cas-register', { isKeyed: true })).toBe('ok');
  expect(judge(keyed.replace('[b 2]', '[b 1]'), 'key-value')).toBe('violation');
  expect(() => judge(keyed.replace('[a 1]', '1'), 'key-value')).toThrow('line=`1`');
});

test('JSON lines: events as Jepsen’s, or our own operations', () => {
  const events = [
    { process: 0, type: 'invoke', f: 'add', value: 2 },
    { process: 0, type: 'ok', f: 'add', value: 2 },
    { process: 1, type: 'invoke', f: 'read', value: null },
    { process: 1, type: 'ok', f: 'read', value: 2 },
  ];
  const lines = (all: readonly object[]): string => all.map((one) => `${JSON.stringify(one)}\n`).join('');
  expect(judge(lines(events), 'counter')).toBe('ok');
  expect(judge(lines(events).replace('"read","value":2', '"read","value":3'), 'counter')).toBe('violation');
  const ours = [
    { process: 'b', call: { kind: 'read' }, invokedAt: 3, outcome: { kind: 'ok', at: 4, result: 1 } },
    { process: 'a', call: { kind: 'add', by: 1 }, invokedAt: 1, outcome: { kind: 'info', at: null } },
  ];
  expect(judge(lines(ours), 'counter')).toBe('ok');
  expect(() => judge(lines([...ours, events[0] ?? {}]), 'counter')).toThrow('mixed line=`1`');
});

test('queues, locks and logs have calls in texts', () => {
  const of = (...events: readonly (readonly [string, string, string, string])[]): string =>
    events
      .map(([process, type, f, value]) => `{:process ${process} :type :${type} :f :${f} :value ${value}}`)
      .join('\n');
  const both = (f: string, value: string, result: string, process = '0') =>
    [
      [process, 'invoke', f, value],
      [process, 'ok', f, result],
    ] as const;
  expect(judge(of(...both('enqueue', '1', '1'), ...both('dequeue', 'nil', '1')), 'queue')).toBe('ok');
  expect(judge(of(...both('enqueue', '1', '1'), ...both('dequeue', 'nil', '2')), 'queue')).toBe('violation');
  expect(judge(of(...both('acquire', 'nil', 'nil'), ...both('acquire', 'nil', 'nil', '1')), 'lock')).toBe('violation');
  expect(judge(of(...both('acquire', 'nil', '1'), ...both('release', 'nil', 'nil')), 'lock')).toBe('ok');
  expect(judge(of(...both('append', '7', '0'), ...both('read', 'nil', '[7]')), 'log')).toBe('ok');
  expect(judge(of(...both('append', '7', '0'), ...both('read', 'nil', '[8]')), 'log')).toBe('violation');
});

test.each([
  ['{:process 0, :type :invoke, :f :read\n', 'ends within a form'],
  ['{:process 0, :type :invoke, :f :read}\n{:process 0, :type :invoke, :f :read}', 'under way line=`2`'],
  ['{:process 0, :type :ok, :f :read}', 'did not invoke line=`1`'],
  ['{:process 0, :type :invoke, :f :read}\n\n{:process 0, :type :ok, :f :write}', 'another operation line=`3`'],
  ['{:process 0, :type :begin, :f :read}', 'a type is invoke, ok, fail or info line=`1`'],
  ['{:process 0, :type :invoke, :f :fly}', 'no such call line=`1` f=`fly`'],
  ['[7]', 'an event is a map line=`1`'],
  ['once upon a time', 'no operation of a client'],
  ['', 'no operation of a client'],
  ['{"process": 0, "type": "invoke"}', 'an event has no f line=`1`'],
  ['{"process": 0, "type": "invoke", "f": "read"}\n{"pro', 'no JSON line=`2`'],
])('%j is refused, with the line', (text, message) => {
  expect(() => judge(text, 'register')).toThrow(message);
});

test('a model that there is not is refused with those that there are', () => {
  expect(() => historyFor([], 'registre')).toThrow(
    /no model of this name model=`registre`\n {2}models: register, cas-register/,
  );
});

test('EDN: what histories use of it', () => {
  const read = (text: string): unknown => new EdnReader(text).next()?.value;
  expect(read('[nil true false :a/b c "d\\n\\"e" -7 +8 1.5e3 12345678901234567890 \\x (1, 2) #{3} ]')).toEqual([
    ...[null, true, false, 'a/b', 'c', 'd\n"e', -7, 8, 1_500, 12_345_678_901_234_567_890n, 'x', [1, 2], [3]],
  ]);
  expect(read('{:a {1 2} #_ignored :b #inst "2026-01-01" ; end\n}')).toEqual({ a: { '1': 2 }, b: '2026-01-01' });
  expect(read(' ; nothing')).toBeUndefined();
  for (const text of ['[1', '{:a}', '"a', ']', '#_', '['.repeat(300)]) expect(() => read(text)).toThrow(/line=`1`/);
});

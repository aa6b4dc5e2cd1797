import { expect, test } from 'vitest';
import { htmlTransactions } from './transactions-html.ts';
import { explainTransactions } from './transactions-report.ts';
import { parseTransactions } from './transactions-text.ts';
import { checkTransactions, type TransactionsOptions } from './transactions.ts';

const judge = (text: string, options: TransactionsOptions) => {
  const { history, lines } = parseTransactions(text);
  const verdict = checkTransactions(history, options);
  return { verdict, report: explainTransactions(history, verdict, { lines }), history, lines };
};

/** Each of these was to see at least one of the others' appends. */
const ring = `; three transactions in a ring
{:process 0, :type :invoke, :f :txn, :value [[:append x 1] [:r y nil]]}
{:process 1, :type :invoke, :f :txn, :value [[:append y 2] [:r z nil]]}
{:process 2, :type :invoke, :f :txn, :value [[:append z 3] [:r x nil]]}
{:process 0, :type :ok, :f :txn, :value [[:append x 1] [:r y nil]]}
{:process 1, :type :ok, :f :txn, :value [[:append y 2] [:r z nil]]}
{:process 2, :type :ok, :f :txn, :value [[:append z 3] [:r x nil]]}
`;

test('list-append as Elle has it: the shortest cycle in words, with the transactions and their lines', () => {
  const { verdict, report } = judge(ring, { level: 'serializable' });
  expect(verdict.kind).toBe('violation');
  expect(report).toBe(`violation: a history of 3 transactions breaks serializable

G2 (anti-dependency cycle), not allowed from serializable on: each of these transactions would have to come before itself
  T0 is before T1: T0 read y without a value, before T1 wrote 2
  T1 is before T2: T1 read z without a value, before T2 wrote 3
  T2 is before T0: T2 read x without a value, before T0 wrote 1
where
  T0 of process 0, line 2: append x 1, read y → nothing
  T1 of process 1, line 3: append y 2, read z → nothing
  T2 of process 2, line 4: append z 3, read x → nothing
`);
});

test('rw-register as Elle has it, events as JSON lines, and our own lines are the same history', () => {
  const edn = `{:process 0, :type :invoke, :f :txn, :value [[:w :x 1] [:r :y nil]]}
{:process 0, :type :ok, :f :txn, :value [[:w :x 1] [:r :y nil]]}
{:process 1, :type :invoke, :f :txn, :value [[:r :x nil] [:w :y 2]]}
{:process 1, :type :info, :f :txn, :value [[:r :x nil] [:w :y 2]]}
{:process 2, :type :invoke, :f :txn, :value [[:r :x nil]]}
{:process 2, :type :fail, :f :txn, :value nil}
`;
  const events = [
    ['0', 'invoke', ['w', 'x', 1], ['r', 'y', null]],
    ['0', 'ok', ['w', 'x', 1], ['r', 'y', null]],
    ['1', 'invoke', ['r', 'x', null], ['w', 'y', 2]],
    ['1', 'info', ['r', 'x', null], ['w', 'y', 2]],
    ['2', 'invoke', ['r', 'x', null]],
    ['2', 'fail', ['r', 'x', null]],
  ].map(([process, type, ...value]) => JSON.stringify({ process, type, f: 'txn', value }));
  const { history } = parseTransactions(edn);
  expect(history.map(({ outcome }) => outcome.kind)).toEqual(['ok', 'info', 'fail']);
  expect(parseTransactions(events.join('\n')).history).toEqual(history);
  expect(parseTransactions(history.map((one) => JSON.stringify(one)).join('\n')).history).toEqual(history);
});

test('of completions alone all may be concurrent, and an event needs no :f', () => {
  const text = `{:process 0, :type :ok, :value [[:append x 1] [:r x [1]]]}
{:process 1, :type :ok, :value [[:r x [1]]]}
{:process 2, :type :ok, :value [[:r x [1 2]] [:append y 1]]}
{:process 3, :type :info, :value [[:append x 2]]}
`;
  expect(judge(text, { level: 'strict-serializable' }).verdict.kind).toBe('ok');
  expect(judge(text.replace('[1 2]', '[2 1]'), { level: 'read-uncommitted' }).verdict.kind).toBe('violation');
});

test('what the level allows is named; what the reads do not decide is unknown, with what to record instead', () => {
  const allowed = judge(ring, { level: 'snapshot-isolation' });
  expect(allowed.verdict.kind).toBe('ok');
  expect(allowed.report).toContain('allowed by snapshot-isolation: G2 (anti-dependency cycle) between T0, T1, T2');
  const blind = `{:process 0, :type :ok, :value [[:r a nil] [:w x 1] [:w b 1]]}
{:process 1, :type :ok, :value [[:r b nil] [:w x 2] [:w a 1]]}
`;
  const doubtful = judge(blind, { level: 'snapshot-isolation' });
  expect(doubtful.verdict.kind).toBe('unknown');
  expect(doubtful.report).toMatch(/^unknown: .*\n\n.*\n\nunknown: the order in which .* registers were overwritten/m);
});

test('the page draws each transaction of the cycle once, and an arrow of its kind for each dependency', () => {
  const { verdict, history, lines } = judge(ring, { level: 'serializable' });
  const page = htmlTransactions(history, verdict, { title: 'a <b>', lines });
  expect(page).toContain('<h1>a &lt;b&gt;</h1>');
  expect(page.match(/<g class="transaction">/g)).toHaveLength(3);
  expect(page.match(/<g class="edge rw">/g)).toHaveLength(3);
  expect(page).toContain('T1 of process 1, line 3');
});

test('the page of what is no cycle has its transactions without arrows; an unknown outcome looks different', () => {
  const aborted = `{:process 0, :type :invoke, :f :txn, :value [[:append x 1]]}
{:process 0, :type :fail, :f :txn, :value [[:append x 1]]}
{:process 1, :type :invoke, :f :txn, :value [[:r x nil] [:append <k> 2]]}
{:process 1, :type :ok, :f :txn, :value [[:r x [1]] [:append <k> 2]]}
`;
  const { verdict, report, history } = judge(aborted, { level: 'read-committed' });
  expect(report).toContain('T0 of process 0, line 1: append x 1 (taken back)');
  const page = htmlTransactions(history, verdict);
  expect(page).toContain('G1a: aborted read');
  expect(page.match(/<g class="taken">/g)).toHaveLength(1);
  expect(page).not.toContain('<g class="edge');
  expect(page).not.toContain('<k>');
});

test('of a long list the end is shown', () => {
  const long = Array.from({ length: 100 }, (_, value) => value).join(' ');
  const { report } = judge(`{:process 0, :type :ok, :value [[:r x [${long}]]]}`, { level: 'serializable' });
  expect(report).toContain('read x → [… 94 more, 94, 95, 96, 97, 98, 99]');
});

test.each([
  ['{:process 0, :type :invoke, :value 7}', 'a transaction is a list of steps line=`1`'],
  ['{:process 0, :type :invoke, :value [[:fly x 1]]}', '[:append KEY VALUE]'],
  ['{:process 0, :type :invoke, :value [[:append nil 1]]}', '[:append KEY VALUE]'],
  ['{:process 0, :type :invoke, :value [[:append x [1]]]}', 'a value is a number or a text line=`1`'],
  ['{"process":"a","call":[{"kind":"fly"}],"invokedAt":1,"outcome":{"kind":"fail","at":2}}', 'a step has a key'],
  ['{"process":"a","call":7,"invokedAt":1,"outcome":{"kind":"fail","at":2}}', 'a transaction is a list of steps'],
  ['{:process 0, :type :ok, :value [[:r x nil]]}\n{:process 0, :type :invoke, :value []}', 'did not invoke line=`1`'],
])('%j is refused, with the line', (text, message) => {
  expect(() => parseTransactions(text)).toThrow(message);
});

/**
 * How fast histories are judged. The set is fixed by its seeds; every verdict is known and checked before it is measured.
 * There is no other side: the checkers that one would compare with are programs of other languages.
 */
import { checkLinearizable } from '../src/check/linearizability.ts';
import type { History } from '../src/check/history.ts';
import { keyed, type Model } from '../src/check/model.ts';
import { casRegister, queue } from '../src/check/models.ts';
import { type AtomicShape, queueHistory, registerHistory } from '../test/models/atomic-history.ts';
import { transactionRows } from './check/transaction-rows.ts';
import type { Row, Suite } from './harness.ts';

export const suite: Suite = {
  about:
    'Linearizability of generated histories: ours alone, in operations of the history a second; facts are the steps of the ' +
    'search and the most bytes that one key held. Histories of one key and of many unknown outcomes are the hard ones. ' +
    'Then isolation, in transactions of the history a second.',
  rows: ({ quick }) => {
    const count = quick ? 200 : 10_000;
    const registers = keyed(casRegister());
    const queues = keyed(queue());
    const shape = (changes: Partial<AtomicShape>): AtomicShape => ({
      operationCount: count,
      keyCount: quick ? 5 : 100,
      clientCount: 20,
      unknownShare: 0.02,
      staleReads: 0,
      ...changes,
    });
    return [
      row('registers: 100 keys, 20 clients', registerHistory('a', shape({})), registers, 'ok', goal),
      row('registers: a stale read among them', registerHistory('b', shape({ staleReads: 1 })), registers, 'violation'),
      row(
        'registers: one key, 20 clients',
        registerHistory('c', shape({ keyCount: 1, unknownShare: 0 })),
        registers,
        'ok',
      ),
      row('registers: a tenth is unknown', registerHistory('d', shape({ unknownShare: 0.1 })), registers, 'ok'),
      row('queues: 100 keys, 20 clients', queueHistory('e', shape({})), queues, 'ok'),
      ...transactionRows(quick),
    ];
  },
};

const goal = {
  says: '10,000 operations over 100 keys and 20 clients in under 2 s',
  met: (results: ReadonlyMap<string, { readonly perSecond: number }>) => (results.get('ours')?.perSecond ?? 0) > 5_000,
};

function row<State, Call, Result>(
  name: string,
  history: History<Call, Result>,
  model: Model<State, Call, Result>,
  expected: 'ok' | 'violation',
  rowGoal?: typeof goal,
): Row {
  const run = () => {
    const { kind, work } = checkLinearizable(history, model);
    if (kind !== expected) throw new Error(`${name} is ${kind}, and has to be ${expected}`);
    return { checksum: work.stepCount, facts: { steps: work.stepCount, bytes: work.bytesMax } };
  };
  return {
    name,
    unit: 'operation',
    operations: history.length,
    reference: 'ours',
    sides: [{ name: 'ours', prepare: () => run }],
    ...(rowGoal === undefined ? {} : { goal: rowGoal }),
  };
}

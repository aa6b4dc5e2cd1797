/**
 * How fast histories of transactions are judged. The histories come from the toy store of test/models, at a level that
 * is known, so each verdict is known too and checked before it counts. Ours alone: Elle is a program of the JVM.
 */
import type { IsolationLevel } from '../../src/check/anomalies.ts';
import { checkTransactions } from '../../src/check/transactions.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { toyHistory, type ToyOptions } from '../../test/models/isolation.ts';
import type { Row } from '../harness.ts';

export function transactionRows(quick: boolean): readonly Row[] {
  const [small, large] = quick ? [200, 400] : [20_000, 100_000];
  const lists = { workload: 'list', processes: 20, stepsMax: 6, infoChance: 0.02 } as const;
  const row = (
    name: string,
    options: ToyOptions,
    level: IsolationLevel,
    expected: 'ok' | 'violation',
    goal = false,
  ): Row => ({
    name: `transactions: ${name}`,
    unit: 'transaction',
    operations: options.transactions,
    reference: 'ours',
    sides: [
      {
        name: 'ours',
        prepare: () => {
          const history = toyHistory(new SeededRandom(name), options);
          return () => {
            const { kind, anomalies, tolerated } = checkTransactions(history, { level });
            if (kind !== expected) throw new Error(`${name} is ${kind}, and has to be ${expected}`);
            const shown = [...anomalies, ...tolerated];
            return {
              checksum: shown.reduce((sum, { text }) => sum + text.length, history.length),
              facts: { shown: shown.length },
            };
          };
        },
      },
    ],
    ...(goal ? { goal: largeGoal } : {}),
  });
  return [
    row(
      'lists, strictly serializable',
      { ...lists, level: 'serializable', transactions: small, keys: small / 20 },
      'strict-serializable',
      'ok',
    ),
    row(
      '100,000 over lists',
      { ...lists, level: 'serializable', transactions: large, keys: large / 20 },
      'serializable',
      'ok',
      true,
    ),
    row(
      'lists, write skew',
      { ...lists, level: 'snapshot', transactions: small, keys: 20 },
      'serializable',
      'violation',
    ),
    row(
      'registers, lost updates',
      { ...lists, workload: 'read-then-write', level: 'read-committed', transactions: small, keys: 50 },
      'serializable',
      'violation',
    ),
  ];
}

const largeGoal = {
  says: '100,000 transactions in under 10 s',
  met: (results: ReadonlyMap<string, { readonly perSecond: number }>) => (results.get('ours')?.perSecond ?? 0) > 10_000,
};

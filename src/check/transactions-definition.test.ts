import { expect, test } from 'vitest';
import { isSerializable, isSnapshotIsolated } from '../../test/models/isolation-definitions.ts';
import { toyHistory, type ToyOptions } from '../../test/models/isolation.ts';
import { SeededRandom } from '../kernel/random.ts';
import type { IsolationLevel } from './anomalies.ts';
import type { TransactionHistory, TransactionStepDone } from './transactions-history.ts';
import { checkTransactions } from './transactions.ts';

const definitions: Partial<Record<IsolationLevel, (history: TransactionHistory) => boolean>> = {
  'snapshot-isolation': isSnapshotIsolated,
  serializable: (history) => isSerializable(history),
  'strict-serializable': (history) => isSerializable(history, true),
};

test('seed 71 of read-then-write: a value read before the transaction writes it, and another before that', () => {
  const steps = [
    { kind: 'read', key: 'x', value: 2 },
    { kind: 'write', key: 'x', value: 1 },
    { kind: 'write', key: 'x', value: 2 },
  ] as const;
  const history = [{ process: 'p', call: steps, invokedAt: 0, outcome: { kind: 'ok', at: 1, result: steps } }] as const;
  const { kind, anomalies } = checkTransactions(history, { level: 'serializable' });
  expect([kind, anomalies[0]?.kind]).toEqual(['violation', 'internal']);
});

function randomHistory(random: SeededRandom, workload: ToyOptions['workload']): TransactionHistory {
  const history = toyHistory(random, {
    level: random.pick(['serializable', 'snapshot', 'read-committed', 'read-committed', 'none', 'none']),
    workload,
    transactions: 3 + random.below(3),
    processes: 3,
    keys: 1 + random.below(2),
    stepsMax: 3,
    infoChance: random.pick([0, 0.2]),
  });
  return random.chance(0.4) ? withReadChanged(history, random) : history;
}

/** The same, but one read answers less, or what another read of the key answered. */
function withReadChanged(history: TransactionHistory, random: SeededRandom): TransactionHistory {
  const answers = new Map<string, Extract<TransactionStepDone, { kind: 'read' }>['value'][]>();
  const reads: [transaction: number, step: number][] = [];
  for (const [index, { outcome }] of history.entries()) {
    for (const [place, step] of (outcome.kind === 'ok' ? outcome.result : []).entries()) {
      if (step.kind !== 'read') continue;
      answers.set(step.key, [...(answers.get(step.key) ?? []), step.value]);
      reads.push([index, place]);
    }
  }
  if (reads.length === 0) return history;
  const [changed, place] = random.pick(reads);
  return history.map((operation, index) => {
    const { outcome } = operation;
    if (index !== changed || outcome.kind !== 'ok') return operation;
    const result = outcome.result.map((step, at) => {
      if (at !== place || step.kind !== 'read') return step;
      const value =
        Array.isArray(step.value) && random.chance(0.5)
          ? step.value.slice(0, -1)
          : random.pick(answers.get(step.key) ?? [null]);
      return { ...step, value };
    });
    return { ...operation, outcome: { ...outcome, result } };
  });
}

/** How many of each pair of truth and verdict. */
function compare(workload: ToyOptions['workload'], seeds: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < seeds; seed++) {
    const history = randomHistory(new SeededRandom(`${workload} ${seed}`), workload);
    for (const level of ['snapshot-isolation', 'serializable', 'strict-serializable'] as const) {
      const truth = definitions[level]?.(history) === true;
      const { kind, text } = checkTransactions(history, { level });
      const label = `seed ${workload} ${seed}, ${level}: ${text}\n${JSON.stringify(history)}`;
      expect(kind, label).not.toBe(truth ? 'violation' : 'ok');
      const pair = `${level} ${truth ? 'kept' : 'broken'} ${kind}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
  }
  return counts;
}

test('lists: every verdict is what trying all orders says, and serializability is always decided', () => {
  const counts = compare('list', 2_000);
  for (const level of ['snapshot-isolation', 'serializable', 'strict-serializable']) {
    expect(counts.get(`${level} kept ok`)).toBeGreaterThan(650);
    expect(counts.get(`${level} broken violation`)).toBeGreaterThan(400);
    if (level !== 'snapshot-isolation')
      expect([counts.get(`${level} kept unknown`), counts.get(`${level} broken unknown`)]).toEqual([
        undefined,
        undefined,
      ]);
  }
  const open =
    (counts.get('snapshot-isolation kept unknown') ?? 0) + (counts.get('snapshot-isolation broken unknown') ?? 0);
  expect(open).toBeLessThan(40);
});

test.for(['register', 'read-then-write'] as const)('registers (%s): no verdict is wrong, few are open', (workload) => {
  const counts = compare(workload, 1_000);
  for (const level of ['snapshot-isolation', 'serializable', 'strict-serializable']) {
    expect(counts.get(`${level} kept ok`)).toBeGreaterThan(330);
    expect(counts.get(`${level} broken violation`)).toBeGreaterThan(100);
    const open = (counts.get(`${level} kept unknown`) ?? 0) + (counts.get(`${level} broken unknown`) ?? 0);
    expect(open, level).toBeLessThan(workload === 'register' ? 50 : 10);
  }
});

import { expect, test } from 'vitest';
import { toyHistory, type ToyLevel } from '../../test/models/isolation.ts';
import { SeededRandom } from '../kernel/random.ts';
import { checkTransactions } from './transactions.ts';

/** How many histories of a toy store show each anomaly. */
function shownBy(level: ToyLevel, workload: 'list' | 'read-then-write', seeds: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < seeds; seed++) {
    const random = new SeededRandom(`${level} ${workload} ${seed}`);
    const options = { level, workload, transactions: 60, processes: 6, keys: 6, stepsMax: 4, infoChance: 0.05 };
    const { anomalies, tolerated } = checkTransactions(toyHistory(random, options), { level: 'strict-serializable' });
    for (const kind of new Set([...anomalies, ...tolerated].map((one) => one.kind))) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  return counts;
}

test.for(['list', 'read-then-write'] as const)(
  'a store shows the anomalies of its level, and no others: %s',
  (workload) => {
    expect([...shownBy('serializable', workload, 100).keys()]).toEqual([]);

    const snapshot = shownBy('snapshot', workload, 100);
    expect([...snapshot.keys()]).toEqual(['G2']);
    expect(snapshot.get('G2')).toBeGreaterThan(50);

    const committed = shownBy('read-committed', workload, 100);
    for (const kind of committed.keys()) expect(['G-single', 'G-nonadjacent', 'G2', 'lost-update']).toContain(kind);
    expect(committed.get('G-single')).toBeGreaterThan(50);
    expect(committed.get('lost-update')).toBeGreaterThan(workload === 'list' ? 5 : 50); // lists are mostly appended to blindly

    const uncommitted = shownBy('none', workload, 100);
    expect(uncommitted.get('G1a')).toBeGreaterThan(50);
    expect(uncommitted.get('G1b')).toBeGreaterThan(20);
    expect(uncommitted.get('G1c')).toBeGreaterThan(50);
  },
);

test('under snapshot isolation every cycle has two adjacent anti-dependencies, and write skew is among them', () => {
  let skews = 0;
  for (let seed = 0; seed < 50; seed++) {
    const options = { workload: 'list', transactions: 60, processes: 6, keys: 6, stepsMax: 4, infoChance: 0 } as const;
    const history = toyHistory(new SeededRandom(seed), { ...options, level: 'snapshot' });
    const { kind, tolerated } = checkTransactions(history, { level: 'snapshot-isolation', order: 'real-time' });
    expect(kind, `seed ${seed}`).not.toBe('violation');
    for (const { name, cycle } of tolerated) {
      if (name === 'write skew') skews++;
      expect(cycle.some((step, index) => step.kind === 'rw' && cycle.at(index - 1)?.kind === 'rw')).toBe(true);
    }
  }
  expect(skews).toBeGreaterThan(10);
});

test('a budget of nothing changes no verdict, and says what it left out', () => {
  const options = { workload: 'list', transactions: 300, processes: 10, keys: 4, stepsMax: 4, infoChance: 0 } as const;
  const history = toyHistory(new SeededRandom(1), { ...options, level: 'read-committed' });
  const full = checkTransactions(history, { level: 'serializable' });
  const cut = checkTransactions(history, { level: 'serializable', budgetEdges: 0 });
  expect([full.kind, cut.kind]).toEqual(['violation', 'violation']);
  expect(full.notSearched.join()).not.toContain('budget');
  expect(cut.notSearched.join()).toContain('budget of 0 edges');
});

test('blind writes of registers: the order of their completions proves a serializable store right', () => {
  const options = { level: 'serializable', workload: 'register', processes: 10, keys: 30, stepsMax: 4 } as const;
  for (let seed = 0; seed < 20; seed++) {
    const history = toyHistory(new SeededRandom(seed), { ...options, transactions: 500, infoChance: 0 });
    expect(checkTransactions(history, { level: 'strict-serializable' }).kind, `seed ${seed}`).toBe('ok');
  }
});

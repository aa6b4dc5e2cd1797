import { describe, expect, test } from 'vitest';
import { isolationLevels, type Anomaly, type IsolationLevel } from './anomalies.ts';
import type { TransactionHistory, TransactionStepDone, TransactionValue } from './transactions-history.ts';
import { checkTransactions } from './transactions.ts';

const append = (key: string, value: TransactionValue) => ({ kind: 'append', key, value }) as const;
const write = (key: string, value: TransactionValue) => ({ kind: 'write', key, value }) as const;
const read = (key: string, value: readonly TransactionValue[] | TransactionValue | null) =>
  ({ kind: 'read', key, value }) as const;

interface Told {
  readonly kind?: undefined;
  readonly how?: 'ok' | 'fail' | 'info';
  readonly process?: string;
  /** The first of a line may say how it went. Invocation and completion; otherwise all transactions are concurrent. */
  readonly from?: number;
  readonly to?: number;
}
type Line = readonly (TransactionStepDone | Told)[];

function historyOf(...lines: readonly Line[]): TransactionHistory {
  return lines.map((line, index) => {
    const [head] = line;
    const told: Told = head?.kind === undefined ? (head ?? {}) : {};
    const steps = line.filter((part): part is TransactionStepDone => part.kind !== undefined);
    const { how = 'ok', process = `p${index}`, from = 0, to = 100 } = told;
    const outcome =
      how === 'ok'
        ? ({ kind: 'ok', at: to, result: steps } as const)
        : how === 'fail'
          ? ({ kind: 'fail', at: to } as const)
          : ({ kind: 'info', at: null } as const);
    return { process, call: steps, invokedAt: from, outcome };
  });
}

const found = (history: TransactionHistory, level: IsolationLevel = 'strict-serializable'): readonly Anomaly[] => {
  const { anomalies, tolerated } = checkTransactions(history, { level });
  return [...anomalies, ...tolerated];
};
const namesOf = (history: TransactionHistory) => found(history).map(({ kind, name }) => `${kind}: ${name}`);
/** The strongest level that the history keeps. */
const keeps = (history: TransactionHistory) =>
  isolationLevels.findLast((level) => checkTransactions(history, { level }).kind === 'ok') ?? 'none';

describe('each anomaly by its name, in the smallest history that shows it', () => {
  test('G0, dirty write: two transactions that overwrote each other', () => {
    const history = historyOf(
      [append('x', 1), append('y', 1)],
      [append('x', 2), append('y', 2)],
      [read('x', [1, 2]), read('y', [2, 1])],
    );
    expect(namesOf(history)).toContain('G0: dirty write');
    expect(keeps(history)).toBe('none');
  });

  test('G1a, aborted read', () => {
    const history = historyOf([{ how: 'fail' }, append('x', 1)], [read('x', [1])]);
    expect(namesOf(history)).toEqual(['G1a: aborted read']);
    expect(keeps(history)).toBe('read-uncommitted');
    expect(namesOf(historyOf([{ how: 'fail' }, write('x', 1)], [read('x', 1)]))).toEqual(['G1a: aborted read']);
  });

  test('G1b, intermediate read', () => {
    const history = historyOf([append('x', 1), append('x', 2)], [read('x', [1])], [read('x', [1, 2])]);
    expect(namesOf(history)).toEqual(['G1b: intermediate read']);
    expect(keeps(history)).toBe('read-uncommitted');
    expect(namesOf(historyOf([write('x', 1), write('x', 2)], [read('x', 1)]))).toEqual(['G1b: intermediate read']);
  });

  test('G1c, circular information flow', () => {
    const history = historyOf([append('x', 1), read('y', [1])], [append('y', 1), read('x', [1])]);
    expect(namesOf(history)).toEqual(['G1c: circular information flow']);
    expect(keeps(history)).toBe('read-uncommitted');
  });

  test('G-single, read skew: half of a transaction seen', () => {
    const history = historyOf([append('x', 1), append('y', 1)], [read('x', [1]), read('y', [])]);
    expect(namesOf(history)).toEqual(['G-single: read skew']);
    expect(keeps(history)).toBe('read-committed');
  });

  test('lost update: two that read one version and both wrote', () => {
    const history = historyOf([read('x', []), append('x', 1)], [read('x', []), append('x', 2)], [read('x', [1, 2])]);
    expect(namesOf(history)).toEqual(['lost-update: lost update']);
    expect(keeps(history)).toBe('read-committed');
    const registers = historyOf([write('x', 0)], [read('x', 0), write('x', 1)], [read('x', 0), write('x', 2)]);
    expect(namesOf(registers)).toContain('lost-update: lost update');
  });

  test('G2, write skew: allowed by snapshot isolation', () => {
    const history = historyOf([read('x', []), append('y', 1)], [read('y', []), append('x', 1)]);
    expect(namesOf(history)).toEqual(['G2: write skew']);
    expect(keeps(history)).toBe('snapshot-isolation');
    const registers = historyOf([read('x', null), write('y', 1)], [read('y', null), write('x', 1)]);
    expect(namesOf(registers)).toEqual(['G2: write skew']);
  });

  test('G2 of three transactions: the anomaly of a read-only transaction under snapshot isolation', () => {
    const history = historyOf(
      [read('x', [0]), read('y', [0]), append('x', 1)],
      [read('y', [0]), append('y', 1)],
      [read('x', [0]), read('y', [0, 1])],
      [append('x', 0), append('y', 0)],
      [read('x', [0, 1]), read('y', [0, 1])],
    );
    expect(namesOf(history)).toEqual(['G2: anti-dependency cycle']);
    expect(found(history)[0]?.transactions.toSorted()).toEqual([0, 1, 2]);
  });

  test('long fork: two readers that saw two writes in different orders', () => {
    const history = historyOf(
      [append('x', 1)],
      [append('y', 1)],
      [read('x', [1]), read('y', [])],
      [read('x', []), read('y', [1])],
    );
    expect(namesOf(history)).toEqual(['G-nonadjacent: long fork']);
    expect(keeps(history)).toBe('read-committed');
  });

  test('reads that no store may give: unwritten, duplicate, incompatible, internal, dirty update', () => {
    expect(namesOf(historyOf([read('x', [1])]))).toEqual(['unwritten: read of a value that nobody wrote']);
    expect(namesOf(historyOf([append('x', 1)], [read('x', [1, 1])]))).toContain('duplicate: duplicate element');
    const orders = historyOf([append('x', 1)], [append('x', 2)], [read('x', [1, 2])], [read('x', [2])]);
    expect(namesOf(orders)).toContain('incompatible-order: incompatible orders');
    expect(namesOf(historyOf([append('x', 1), read('x', [])]))).toEqual(['internal: own writes not seen']);
    expect(namesOf(historyOf([read('x', 1), write('x', 1)]))).toEqual(['internal: own writes not seen']);
    const dirty = historyOf([{ how: 'fail' }, append('x', 1)], [append('x', 2)], [read('x', [1, 2])]);
    expect(namesOf(dirty)).toContain('dirty-update: dirty update');
  });

  test('the order of real time and of a process, only where it is asked for', () => {
    const stale = historyOf(
      [{ from: 0, to: 1, process: 'a' }, append('x', 1)],
      [{ from: 2, to: 3, process: 'b' }, read('x', [])],
    );
    expect(keeps(stale)).toBe('serializable');
    expect(checkTransactions(stale, { level: 'strict-serializable' })).toMatchObject({
      kind: 'violation',
      anomalies: [{ kind: 'G-single', order: 'real-time' }],
    });
    expect(checkTransactions(stale, { level: 'serializable', order: 'process' }).kind).toBe('ok');
    const own = historyOf([{ process: 'a', to: 1 }, append('x', 1)], [{ process: 'a', from: 1 }, read('x', [])]);
    expect(checkTransactions(own, { level: 'snapshot-isolation', order: 'process' })).toMatchObject({
      kind: 'violation',
      anomalies: [{ kind: 'G-single', order: 'process' }],
    });
    expect(keeps(historyOf([{ to: 5 }, append('x', 1)], [{ from: 5 }, read('x', [])]))).toBe('strict-serializable');
  });
});

describe('what is allowed is not reported', () => {
  test('a serial history, with lists and registers', () => {
    const history = historyOf(
      [{ from: 0, to: 1 }, append('x', 1), read('x', [1]), write('r', 1)],
      [{ from: 2, to: 3 }, read('x', [1]), append('x', 2), append('x', 3), read('r', 1), write('r', 2), read('r', 2)],
      [{ from: 4, to: 5 }, read('x', [1, 2, 3]), read('r', 2), read('unknown', null)],
    );
    expect(found(history)).toEqual([]);
    expect(keeps(history)).toBe('strict-serializable');
  });

  test('a key that nobody writes may be read as nothing in either way', () => {
    expect(keeps(historyOf([read('x', null)], [read('x', [])], [read('x', null)]))).toBe('strict-serializable');
  });

  test('an unknown transaction has its effect, or has not, at any later time', () => {
    expect(keeps(historyOf([{ how: 'info', to: 1 }, append('x', 1)], [{ from: 2 }, read('x', [])]))).toBe(
      'strict-serializable',
    );
    const late = historyOf(
      [{ how: 'info', process: 'a' }, append('x', 1)],
      [{ process: 'a', from: 1, to: 2 }, read('x', [])],
      [{ process: 'a', from: 3, to: 4 }, read('x', [1])],
    );
    expect(keeps(late)).toBe('strict-serializable');
  });

  test('an unknown transaction that was seen has committed wholly', () => {
    const history = historyOf([{ how: 'info' }, append('x', 1), append('y', 1)], [read('x', [1]), read('y', [])]);
    expect(namesOf(history)).toEqual(['G-single: read skew']);
  });

  test('the value of a refused transaction may be written again', () => {
    expect(keeps(historyOf([{ how: 'fail' }, append('x', 1)], [append('x', 1)], [read('x', [1])]))).toBe(
      'strict-serializable',
    );
  });
});

describe('what cannot be known is said', () => {
  test('blind writes of registers leave their order open, and a cycle there may be hidden', () => {
    // Either order of the two writes of r makes one of the two readers read behind the other.
    const history = historyOf(
      [write('r', 1)],
      [write('r', 2)],
      [read('r', 1), write('a', 1)],
      [read('r', 2), write('b', 1)],
      [read('a', 1), read('r', 2), read('b', null)],
      [read('b', 1), read('r', 1), read('a', null)],
    );
    const verdict = checkTransactions(history, { level: 'serializable' });
    expect(verdict.kind).not.toBe('ok');
    const open = historyOf([write('r', 1)], [write('r', 2)], [read('r', 1)], [read('r', 2)], [read('r', 1)]);
    expect(checkTransactions(open, { level: 'serializable' }).kind).toBe('ok'); // an order was found that proves it
  });

  test('two unread appends between transactions that skewed: snapshot isolation cannot be judged', () => {
    const history = historyOf(
      [read('x', []), append('y', 1), append('k', 1)],
      [read('y', []), append('x', 1), append('k', 2)],
    );
    const verdict = checkTransactions(history, { level: 'snapshot-isolation' });
    expect(verdict.kind).toBe('unknown');
    expect(verdict.reasons.join()).toContain('read every list once more at the end');
    expect(checkTransactions(history, { level: 'serializable' }).kind).toBe('violation');
  });
});

test('a history that cannot be judged is refused', () => {
  const refused = (history: TransactionHistory) => () => checkTransactions(history, { level: 'serializable' });
  expect(refused(historyOf([append('x', 1)], [append('x', 1)]))).toThrow('written twice');
  expect(refused(historyOf([append('x', 1)], [write('x', 2)]))).toThrow('as a list and as a register');
  expect(refused(historyOf([append('x', 1)], [read('x', 1)]))).toThrow('a read of a list answers one value');
  expect(refused(historyOf([write('x', 1)], [read('x', [1])]))).toThrow('a read of a register answers a list');
  expect(refused(historyOf([{ from: 5 }, append('x', 1)], [{ from: 1 }, read('x', [])]))).toThrow('sort the history');
});

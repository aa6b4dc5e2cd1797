import { expect, test } from 'vitest';
import { queueHistory, registerHistory } from '../../test/models/atomic-history.ts';
import type { History, Operation } from './history.ts';
import { checkLinearizable } from './linearizability.ts';
import { defineModel, keyed } from './model.ts';
import { casRegister, queue, register, type RegisterCall, type Value } from './models.ts';

const shape = { operationCount: 10_000, keyCount: 100, clientCount: 20, unknownShare: 0.02, staleReads: 0 };

test('10,000 operations over 100 keys and 20 clients are judged in few steps an operation', () => {
  const verdict = checkLinearizable(registerHistory('a', shape), keyed(casRegister()));
  expect(verdict.kind).toBe('ok');
  expect(verdict.work).toMatchObject({ operationCount: 10_000, keyCount: 100 });
  expect(verdict.work.stepCount).toBeLessThan(30_000);
});

test('a stale read among 10,000 operations is found, and shown by a few of them', () => {
  const history = registerHistory('b', { ...shape, staleReads: 1 });
  const verdict = checkLinearizable(history, keyed(casRegister()));
  if (verdict.kind !== 'violation') throw new Error(verdict.kind);
  expect(verdict.keys).toHaveLength(1);
  const { operations, stuck, isMinimal } = verdict.counterexample;
  expect(isMinimal).toBe(true);
  expect(operations.length).toBeLessThan(6);
  expect(history[stuck]?.call.call.kind).toBe('read');
});

/** Writes of different values, all at once, and a read of none of them. */
function manyAtOnce(count: number, outcome: (at: number) => Operation<RegisterCall, Value>['outcome']) {
  const writes = Array.from({ length: count }, (_, index): Operation<RegisterCall, Value> => ({
    process: `p${index}`,
    call: { kind: 'write', value: index },
    invokedAt: 0,
    outcome: outcome(1),
  }));
  return writes;
}

/** A queue whose dequeues answer in an order that its concurrent enqueues allow in one way of very many, but for the last. */
function hardQueue(count: number): History {
  const at = (index: number): Operation => ({
    process: `p${index}`,
    call: { kind: 'enqueue', value: index },
    invokedAt: 0,
    outcome: { kind: 'ok', at: 1, result: null },
  });
  const dequeue: Operation = {
    process: 'reader',
    call: { kind: 'dequeue' },
    invokedAt: 2,
    outcome: { kind: 'ok', at: 3, result: 'never enqueued' },
  };
  return [...Array.from({ length: count }, (_, index) => at(index)), dequeue];
}

test('what is exponential ends at the budget in steps as unknown, with the key and the limit', () => {
  const budget = { stepCountMax: 200_000 };
  const verdict = checkLinearizable(hardQueue(14), defineModel({ ...queue() }) as never, { budget });
  expect(verdict).toMatchObject({ kind: 'unknown', limit: 'steps', keys: [''] });
  expect(verdict.work.stepCount).toBeLessThan(220_000);
});

test('what is exponential ends at the budget in memory as unknown, and holds no more', () => {
  const bytesMax = 4 * 2 ** 20;
  const verdict = checkLinearizable(hardQueue(14), queue() as never, { budget: { bytesMax } });
  expect(verdict).toMatchObject({ kind: 'unknown', limit: 'memory' });
  expect(verdict.work.bytesMax).toBeLessThan(2 * bytesMax);
});

test('a limit in time is the caller’s, and ends it as unknown', () => {
  let asked = 0;
  const budget = { isOver: () => ++asked > 3 };
  expect(checkLinearizable(hardQueue(14), queue() as never, { budget })).toMatchObject({
    kind: 'unknown',
    limit: 'time',
  });
});

test('a violation of one key is found although the budget ends at another', () => {
  const hard = hardQueue(14).map((operation) => ({ ...operation, call: { key: 'hard', call: operation.call } }));
  const bad: Operation = {
    process: 'x',
    call: { key: 'bad', call: { kind: 'dequeue' } },
    invokedAt: 5,
    outcome: { kind: 'ok', at: 6, result: 1 },
  };
  const verdict = checkLinearizable([...hard, bad], keyed(queue()) as never, { budget: { stepCountMax: 100_000 } });
  expect(verdict).toMatchObject({ kind: 'violation', keys: ['["bad",""]'] });
});

test('hundreds of unknown writes do not make it exponential: what could do less is not looked at', () => {
  const read: Operation<RegisterCall, Value> = {
    process: 'reader',
    call: { kind: 'read' },
    invokedAt: 2,
    outcome: { kind: 'ok', at: 3, result: -1 },
  };
  const history = [...manyAtOnce(300, () => ({ kind: 'info', at: null })), read];
  const verdict = checkLinearizable(history, register(-2));
  expect(verdict.kind).toBe('violation');
  expect(verdict.work.stepCount).toBeLessThan(300_000);
});

test('queues of unique values are judged, with answers that are unknown', () => {
  const verdict = checkLinearizable(queueHistory('e', { ...shape, operationCount: 600, keyCount: 20 }), keyed(queue()));
  expect(verdict.kind).toBe('ok');
});

test('an empty history and one of failures and unknowns alone are linearizable', () => {
  expect(checkLinearizable([], register()).kind).toBe('ok');
  const nothing = manyAtOnce(3, () => ({ kind: 'fail', at: 1 })).concat(
    manyAtOnce(3, () => ({ kind: 'info', at: null })),
  );
  expect(checkLinearizable(nothing, register()).kind).toBe('ok');
});

test('a history that is none is refused, with the operation', () => {
  const one = (invokedAt: number, at: number): Operation<RegisterCall, Value> => ({
    process: 'p',
    call: { kind: 'read' },
    invokedAt,
    outcome: { kind: 'ok', at, result: null },
  });
  const judge = (...history: readonly Operation<RegisterCall, Value>[]) => checkLinearizable(history, register());
  expect(() => judge(one(5, 4))).toThrow('ended before it began operation=`0`');
  expect(() => judge(one(5, 6), one(4, 7))).toThrow('sort the history operation=`1`');
  expect(() => judge(one(Number.NaN, 6))).toThrow('no time of invocation');
  const budget = { stepCountMax: Number.NaN };
  expect(() => checkLinearizable([], register(), { budget })).toThrow('a budget is made of numbers');
});

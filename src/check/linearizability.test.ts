import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import type { History, Operation } from './history.ts';
import { checkLinearizable } from './linearizability.ts';
import { defineModel, keyed, type Model } from './model.ts';
import { appendLog, casRegister, counter, keyValue, lock, queue, register } from './models.ts';

type AnyModel = Model<unknown, unknown, unknown>;

/** The definition itself: some subset of the unknown ones and some order of all that respects time and fits. */
function isLinearizable(history: History, model: AnyModel): boolean {
  const must = history.filter(({ outcome }) => outcome.kind === 'ok');
  const may = history.filter(({ outcome }) => outcome.kind === 'info');
  const endOf = ({ outcome }: Operation): number => (outcome.kind === 'ok' ? outcome.at : Number.POSITIVE_INFINITY);
  const fits = (order: readonly Operation[]): boolean => {
    const objects = new Map<string, readonly unknown[]>();
    return order.every(({ call, outcome }) => {
      const answer = outcome.kind === 'ok' ? { result: outcome.result } : null;
      const states = objects.get(model.keyOf(call)) ?? [model.initial];
      const after = states.flatMap((state) => model.step(state, call, answer));
      objects.set(model.keyOf(call), after);
      return after.length > 0;
    });
  };
  const orders = (left: readonly Operation[], order: readonly Operation[]): boolean =>
    left.length === 0
      ? fits(order)
      : left.some((one) => {
          const rest = left.filter((other) => other !== one);
          return rest.every((other) => endOf(other) >= one.invokedAt) && orders(rest, [...order, one]);
        });
  for (let subset = 0; subset < 2 ** may.length; subset++) {
    if (orders([...must, ...may.filter((_, at) => (subset >> at) & 1)], [])) return true;
  }
  return false;
}

interface Kind {
  readonly model: AnyModel;
  readonly call: (random: SeededRandom, process: string) => unknown;
  readonly results: (random: SeededRandom) => unknown;
}

const kind = <S, C, R>(
  model: Model<S, C, R>,
  call: (random: SeededRandom, process: string) => C,
  results: (random: SeededRandom) => R,
): Kind => ({ model, call, results });

const small = (random: SeededRandom): number => random.below(3);

/** A counter that may lose an addition: several states after one call. */
const lossy = defineModel({
  name: 'lossy counter',
  initial: 0,
  step: (state: number, call: 'add' | 'read', answer) =>
    call === 'add' ? [state, state + 1] : answer === null || answer.result === state ? [state] : [],
});

const kinds: Readonly<Record<string, Kind>> = {
  register: kind(
    register(0),
    (random) => (random.chance(0.5) ? ({ kind: 'read' } as const) : ({ kind: 'write', value: small(random) } as const)),
    small,
  ),
  'cas-register': kind(
    casRegister(0),
    (random) =>
      random.pick([
        { kind: 'read' } as const,
        { kind: 'write', value: small(random) } as const,
        { kind: 'cas', from: small(random), to: small(random) } as const,
      ]),
    (random) => random.pick([0, 1, 2, true, false]),
  ),
  'key-value': kind(
    keyValue(),
    (random) => {
      const key = random.pick(['a', 'b']);
      return random.pick([
        { kind: 'get', key } as const,
        { kind: 'put', key, value: small(random) } as const,
        { kind: 'cas', key, from: small(random), to: small(random) } as const,
        { kind: 'delete', key } as const,
      ]);
    },
    (random) => random.pick([0, 1, 2, null, false]),
  ),
  counter: kind(
    counter(),
    (random) =>
      random.chance(0.4) ? ({ kind: 'read' } as const) : ({ kind: 'add', by: 1 + random.below(2) } as const),
    (random) => random.pick([0, 1, 2, 3, null]),
  ),
  queue: kind(
    queue(),
    (random) =>
      random.chance(0.5) ? ({ kind: 'dequeue' } as const) : ({ kind: 'enqueue', value: small(random) } as const),
    (random) => random.pick([0, 1, 2, null]),
  ),
  lock: kind(
    lock(),
    (random, owner) =>
      random.pick([
        { kind: 'acquire', owner } as const,
        { kind: 'release', owner } as const,
        { kind: 'use', token: 1 + random.below(3) } as const,
      ]),
    (random) => random.pick([1, 2, 3, null, true, false]),
  ),
  'lock that expires': kind(
    lock({ expires: true }),
    (random, owner) =>
      random.pick([
        { kind: 'acquire', owner } as const,
        { kind: 'release', owner } as const,
        { kind: 'use', token: 1 + random.below(3) } as const,
      ]),
    (random) => random.pick([1, 2, 3, null, true, false]),
  ),
  log: kind(
    appendLog(),
    (random) =>
      random.chance(0.5)
        ? ({ kind: 'read', from: random.below(2) } as const)
        : ({ kind: 'append', value: small(random) } as const),
    (random) => random.pick([0, 1, 2, null, [0], [1], [0, 1]]),
  ),
  'keyed queue': kind(
    keyed(queue()),
    (random) => ({
      key: random.pick(['a', 'b']),
      call: random.chance(0.5) ? ({ kind: 'dequeue' } as const) : ({ kind: 'enqueue', value: small(random) } as const),
    }),
    (random) => random.pick([0, 1, 2, null]),
  ),
  'lossy counter': kind(lossy, (random) => random.pick(['add', 'read']), small),
};

/**
 * A history of an atomic object whose answers are now and then false: each operation takes effect at a moment between
 * its invocation and its completion, and moments are few, so that many touch.
 */
function randomHistory(random: SeededRandom, { model, call, results }: Kind): History {
  const count = 2 + random.below(5);
  const lying = random.chance(0.6) ? 0.4 : 0;
  const freeAt = new Map<string, number>();
  const drafts = Array.from({ length: count }, () => {
    const process = `p${random.below(3)}`;
    const invokedAt = (freeAt.get(process) ?? 0) + random.below(5);
    const end = invokedAt + random.below(8);
    freeAt.set(process, end + 1);
    return { process, call: call(random, process), invokedAt, end, point: random.between(invokedAt, end) };
  });
  const states = new Map<string, unknown>();
  const operations = drafts
    .toSorted((left, right) => left.point - right.point)
    .map((draft): Operation => {
      const { process, invokedAt, end } = draft;
      const key = model.keyOf(draft.call);
      const state = states.has(key) ? states.get(key) : model.initial;
      const honest = Array.from({ length: 30 }, () => results(random)).find(
        (result) => model.step(state, draft.call, { result }).length > 0,
      );
      const result = honest === undefined || random.chance(lying) ? results(random) : honest;
      const fate = random.float();
      const happens = fate < 0.8 || (fate < 0.93 && random.chance(0.5));
      const next = model.step(state, draft.call, honest === undefined ? null : { result: honest });
      if (happens && next.length > 0) states.set(key, random.pick(next));
      const outcome: Operation['outcome'] =
        fate < 0.8
          ? { kind: 'ok', at: end, result }
          : fate < 0.93
            ? { kind: 'info', at: random.chance(0.5) ? null : end }
            : { kind: 'fail', at: end };
      return { process, call: draft.call, invokedAt, outcome };
    });
  return operations.toSorted((left, right) => left.invokedAt - right.invokedAt);
}

test.each(Object.entries(kinds))('%s: the verdict is that of the definition, on 700 histories', (name, one) => {
  const counts = { ok: 0, violation: 0 };
  for (let seed = 0; seed < 700; seed++) {
    const history = randomHistory(new SeededRandom(`${name} ${seed}`), one);
    const verdict = checkLinearizable(history, one.model);
    const right = isLinearizable(history, one.model) ? 'ok' : 'violation';
    expect(verdict.kind, `seed ${seed}: ${JSON.stringify(history)}`).toBe(right);
    counts[right]++;
    if (verdict.kind === 'ok') expectOrder(history, one.model, verdict.order);
    if (verdict.kind !== 'violation') continue;
    const { operations, free, key, isMinimal } = verdict.counterexample;
    expect(isMinimal).toBe(true);
    const cited = [...operations, ...free].toSorted((left, right_) => left.index - right_.index);
    const smaller = cited.map(({ operation }) => operation);
    expect(smaller.every(({ call }) => one.model.keyOf(call) === key)).toBe(true);
    expect(isLinearizable(smaller, one.model), `seed ${seed}, shrunk`).toBe(false);
    for (const { index } of operations) {
      const without = cited.map(({ operation, index: other }) => (other === index ? unknown(operation) : operation));
      expect(isLinearizable(without, one.model), `seed ${seed}, not minimal`).toBe(true);
    }
  }
  expect(counts.ok).toBeGreaterThan(90);
  expect(counts.violation).toBeGreaterThan(90);
});

const unknown = (operation: Operation): Operation => ({ ...operation, outcome: { kind: 'info', at: null } });

/** The order that a verdict gives: all that must be there, in an order that time allows and the model too. */
function expectOrder(history: History, model: AnyModel, order: ReadonlyMap<string, readonly number[]>): void {
  const placed = [...order.values()].flat();
  expect(new Set(placed).size).toBe(placed.length);
  for (const [index, { outcome }] of history.entries()) {
    if (outcome.kind === 'ok') expect(placed).toContain(index);
    if (outcome.kind === 'fail') expect(placed).not.toContain(index);
  }
  for (const indexes of order.values()) {
    let states: readonly unknown[] = [model.initial];
    let latest = Number.NEGATIVE_INFINITY;
    for (const index of indexes) {
      const { call, outcome, invokedAt } = history[index] as Operation;
      if (outcome.kind === 'ok') expect(outcome.at).toBeGreaterThanOrEqual(latest);
      latest = Math.max(latest, invokedAt);
      const answer = outcome.kind === 'ok' ? { result: outcome.result } : null;
      states = states.flatMap((state) => model.step(state, call, answer));
    }
    expect(states.length).toBeGreaterThan(0);
  }
}

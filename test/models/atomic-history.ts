/**
 * Histories of many clients of an object that is atomic, from a seed: each operation takes effect at one moment between
 * its invocation and its completion, or, where its outcome is unknown, perhaps never. So they are linearizable by
 * construction; `staleReads` makes some that are not.
 */
import type { CasRegisterCall, History, KeyedCall, Operation, QueueCall, Value } from 'lockstep/check';
import { SeededRandom } from '../../src/kernel/random.ts';

export interface AtomicShape {
  readonly operationCount: number;
  readonly keyCount: number;
  readonly clientCount: number;
  /** The share of operations of unknown outcome. */
  readonly unknownShare: number;
  /** How many of the reads answer a value that was overwritten before they began. */
  readonly staleReads: number;
}

interface Draft<Call> {
  readonly process: string;
  readonly call: Call;
  readonly invokedAt: number;
  readonly end: number;
  readonly point: number;
  readonly isKnown: boolean;
  readonly happens: boolean;
}

/** Clients work at once, each one operation after another, of 1 to 20 ms. */
function drafts<Call>(random: SeededRandom, shape: AtomicShape, call: (client: number) => Call): Draft<Call>[] {
  const freeAt = Array.from({ length: shape.clientCount }, () => random.between(0, 10));
  const all = Array.from({ length: shape.operationCount }, (_, index): Draft<Call> => {
    const client = index % shape.clientCount;
    const invokedAt = freeAt[client] as number;
    const end = invokedAt + random.between(1, 20);
    freeAt[client] = end + random.between(0.01, 2);
    const isKnown = !random.chance(shape.unknownShare);
    const point = random.between(invokedAt, isKnown ? end : end + 50);
    return {
      process: `client-${client}`,
      call: call(client),
      invokedAt,
      end,
      point,
      isKnown,
      happens: isKnown || random.chance(0.5),
    };
  });
  return all.toSorted((left, right) => left.point - right.point);
}

const ended = <Call, Result>(draft: Draft<Call>, result: Result): Operation<Call, Result> => ({
  process: draft.process,
  call: draft.call,
  invokedAt: draft.invokedAt,
  outcome: draft.isKnown ? { kind: 'ok', at: draft.end, result } : { kind: 'info', at: draft.end },
});

const inOrder = <Call, Result>(operations: readonly Operation<Call, Result>[]): History<Call, Result> =>
  operations.toSorted((left, right) => left.invokedAt - right.invokedAt);

/**
 * Registers with compare-and-set: half reads, the others writes and compare-and-sets of five values; where reads are to
 * be stale of very many, so that no other write explains what they answer.
 */
export function registerHistory(seed: string, shape: AtomicShape): History<KeyedCall<CasRegisterCall>, Value> {
  const random = new SeededRandom(seed);
  const valueCount = shape.staleReads > 0 ? 1_000_000 : 5;
  const call = (): KeyedCall<CasRegisterCall> => {
    const [key, from, to] = [`key-${random.below(shape.keyCount)}`, random.below(valueCount), random.below(valueCount)];
    const dice = random.float();
    if (dice < 0.5) return { key, call: { kind: 'read' } };
    return { key, call: dice < 0.8 ? { kind: 'write', value: to } : { kind: 'cas', from, to } };
  };
  const values = new Map<string, Value>();
  const overwritten = new Map<string, readonly { readonly value: Value; readonly at: number }[]>();
  let stale = shape.staleReads;
  const operations = drafts(random, shape, call).map((draft) => {
    const { key, call: one } = draft.call;
    const value = values.get(key) ?? null;
    const set = (next: Value): void => {
      if (!draft.happens) return;
      values.set(key, next);
      overwritten.set(key, [...(overwritten.get(key) ?? []).slice(-8), { value, at: draft.point }]);
    };
    if (one.kind === 'write') set(one.value);
    if (one.kind === 'cas' && value === one.from) set(one.to);
    if (one.kind !== 'read')
      return ended<KeyedCall<CasRegisterCall>, Value>(draft, one.kind === 'cas' && value === one.from);
    const old = (overwritten.get(key) ?? []).findLast(
      (past) => past.at < draft.invokedAt - 100 && past.value !== value,
    );
    if (stale === 0 || old === undefined || !draft.isKnown) return ended(draft, value);
    stale--;
    return ended(draft, old.value);
  });
  return inOrder(operations);
}

/** One queue a key, every value its own. */
export function queueHistory(seed: string, shape: AtomicShape): History<KeyedCall<QueueCall>, Value> {
  const random = new SeededRandom(seed);
  let count = 0;
  const call = (): KeyedCall<QueueCall> => ({
    key: `key-${random.below(shape.keyCount)}`,
    call: random.chance(0.5) ? { kind: 'enqueue', value: ++count } : { kind: 'dequeue' },
  });
  const queues = new Map<string, Value[]>();
  const operations = drafts(random, shape, call).map((draft) => {
    const { key, call: one } = draft.call;
    const items = queues.get(key) ?? [];
    queues.set(key, items);
    if (one.kind === 'enqueue') {
      if (draft.happens) items.push(one.value);
      return ended<KeyedCall<QueueCall>, Value>(draft, null);
    }
    return ended<KeyedCall<QueueCall>, Value>(draft, draft.happens ? (items.shift() ?? null) : null);
  });
  return inOrder(operations);
}

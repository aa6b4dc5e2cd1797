/** The ready models by the names that a command takes, and how calls of a text are calls of theirs. */
import { LockstepError } from '../kernel/errors.ts';
import type { History, Operation } from './history.ts';
import type { TextCall, TextOperation } from './history-text.ts';
import { type KeyedCall, keyed, type Model } from './model.ts';
import { printValue } from './timeline.ts';
import { appendLog, casRegister, counter, lock, queue, register, type Value } from './models.ts';

type AnyModel = Model<unknown, unknown, unknown>;

interface Named {
  readonly model: (initial: Value) => AnyModel;
  /** The model's call, or undefined where it has none of this name and value. */
  readonly callOf: (f: string, value: unknown, process: string) => unknown;
  /** What a completion's value answers. */
  readonly resultOf: (f: string, value: unknown) => unknown;
  /** Whether every value is a key and a value. */
  readonly isKeyed: boolean;
}

const isValue = (value: unknown): value is Value =>
  value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);

function registerCall(f: string, value: unknown): unknown {
  if (f === 'read' || f === 'get') return { kind: 'read' };
  if ((f === 'write' || f === 'put') && isValue(value)) return { kind: 'write', value };
  return f === 'delete' ? { kind: 'write', value: null } : undefined;
}

function casCall(f: string, value: unknown): unknown {
  if (f !== 'cas') return registerCall(f, value);
  const [from, to, ...rest] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  return isValue(from) && isValue(to) && rest.length === 0 ? { kind: 'cas', from, to } : undefined;
}

const readResult = (f: string, value: unknown): unknown => {
  if (f === 'read' || f === 'get') return value;
  return f === 'cas' ? value !== false : null;
};

const cas: Named = { model: casRegister, callOf: casCall, resultOf: readResult, isKeyed: false };

const named: Readonly<Record<string, Named>> = {
  register: { model: register, callOf: registerCall, resultOf: readResult, isKeyed: false },
  'cas-register': cas,
  'key-value': { ...cas, isKeyed: true },
  counter: {
    model: (initial) => counter(typeof initial === 'number' ? initial : 0),
    callOf: (f, value) => {
      if (f === 'read') return { kind: 'read' };
      return f === 'add' && typeof value === 'number' ? { kind: 'add', by: value } : undefined;
    },
    resultOf: readResult,
    isKeyed: false,
  },
  queue: {
    model: queue,
    callOf: (f, value) => {
      if (f === 'dequeue') return { kind: 'dequeue' };
      return f === 'enqueue' && isValue(value) ? { kind: 'enqueue', value } : undefined;
    },
    resultOf: (f, value) => (f === 'dequeue' ? value : null),
    isKeyed: false,
  },
  lock: {
    model: () => lock(),
    callOf: (f, value, process) => {
      if (f === 'acquire' || f === 'release') return { kind: f, owner: process };
      return f === 'use' && typeof value === 'number' ? { kind: 'use', token: value } : undefined;
    },
    // An ok without a token was given without one; a refusal is a :fail or false.
    resultOf: (f, value) => (f === 'acquire' ? (value ?? true) : value),
    isKeyed: false,
  },
  log: {
    model: appendLog,
    callOf: (f, value) => {
      if (f === 'append' && isValue(value)) return { kind: 'append', value };
      return f === 'read' ? { kind: 'read', from: typeof value === 'number' ? value : 0 } : undefined;
    },
    resultOf: (f, value) => (f === 'append' && typeof value !== 'number' ? null : value),
    isKeyed: false,
  },
};

export const modelNames: readonly string[] = Object.keys(named);

export interface TextHistory {
  readonly history: History;
  readonly model: AnyModel;
}

/**
 * The operations of a text as calls of a model of this name. `isKeyed`: every value is a vector of a key and a value, as
 * jepsen.independent writes them; the model is then one of many objects. Lines of our own are taken as they are.
 * @throws LockstepError `misuse` for a name that is none; `invalid`, with `line`, for a call that the model has not.
 */
export function historyFor(
  operations: readonly TextOperation[],
  name: string,
  options: { readonly isKeyed?: boolean; readonly initial?: Value } = {},
): TextHistory {
  const one = named[name];
  if (one === undefined) {
    throw new LockstepError('misuse', 'there is no model of this name', {
      values: { model: name },
      advice: [`models: ${modelNames.join(', ')}`],
    });
  }
  const isKeyed = (options.isKeyed ?? false) || one.isKeyed;
  const single = one.model(options.initial ?? null);
  const model: AnyModel = isKeyed ? keyed(single) : single;
  const history = operations.map(({ line, operation, isOurs }): Operation => {
    if (isOurs) return operation;
    return translated(one, operation as Operation<TextCall>, isKeyed, line);
  });
  return { history, model };
}

function translated(one: Named, operation: Operation<TextCall>, isKeyed: boolean, line: number): Operation {
  const { process, outcome } = operation;
  const { f, value } = operation.call;
  const [key, inner] = isKeyed ? pairOf(value, line) : [null, value];
  const found = one.callOf(f, inner, process);
  if (found === undefined) {
    throw new LockstepError('invalid', 'the model has no such call', {
      values: { line, f, value: printValue(inner) },
    });
  }
  const call: unknown = key === null ? found : ({ key, call: found } satisfies KeyedCall<unknown>);
  if (outcome.kind !== 'ok') return { ...operation, call };
  const answer = isKeyed ? pairOf(outcome.result, line)[1] : outcome.result;
  return { ...operation, call, outcome: { ...outcome, result: one.resultOf(f, answer) } };
}

function pairOf(value: unknown, line: number): readonly [string, unknown] {
  const [key, inner, ...rest] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (key === undefined || inner === undefined || rest.length > 0) {
    throw new LockstepError('invalid', 'a keyed value is a vector of a key and a value', {
      values: { line, value: printValue(value) },
    });
  }
  return [printValue(key), inner];
}

/**
 * Models of the usual objects. A call is data with a `kind`; what a result of each kind means stands beside it. Results
 * of `null` where none is described are ignored.
 */
import { type Answer, defineModel, type Model } from './model.ts';

export type Value = string | number | bigint | boolean | null;
type Read = { readonly kind: 'read' };
type Write = { readonly kind: 'write'; readonly value: Value };
type Cas = { readonly kind: 'cas'; readonly from: Value; readonly to: Value };

const reads = <State>(
  state: State,
  answer: Answer<unknown>,
  matches: (result: unknown) => boolean,
): readonly State[] => (answer === null || matches(answer.result) ? [state] : []);

export type RegisterCall = Read | Write;

/** One value. A read answers it. */
export function register(initial: Value = null): Model<Value, RegisterCall, Value> {
  return defineModel({
    name: 'register',
    initial,
    step: (state: Value, call: RegisterCall, answer: Answer<Value>) =>
      call.kind === 'write' ? [call.value] : reads(state, answer, (result) => result === state),
    isRead: ({ kind }: RegisterCall) => kind === 'read',
  });
}

export type CasRegisterCall = Read | Write | Cas;

/** A register with compare-and-set, which answers false where it compared and did not set, anything else where it set. */
export function casRegister(initial: Value = null): Model<Value, CasRegisterCall, Value> {
  return defineModel({
    name: 'cas-register',
    initial,
    step: stepCas,
    isRead: ({ kind }: CasRegisterCall) => kind === 'read',
  });
}

function stepCas(state: Value, call: CasRegisterCall, answer: Answer<Value>): readonly Value[] {
  switch (call.kind) {
    case 'write':
      return [call.value];
    case 'read':
      return reads(state, answer, (result) => result === state);
    case 'cas': {
      const sets = state === call.from;
      if (answer === null) return [sets ? call.to : state];
      return sets === (answer.result !== false) ? [sets ? call.to : state] : [];
    }
  }
}

export type KeyValueCall =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'put'; readonly key: string; readonly value: Value }
  | { readonly kind: 'cas'; readonly key: string; readonly from: Value; readonly to: Value }
  | { readonly kind: 'delete'; readonly key: string };

/** A map whose operations touch one key each; a key that is not there has the value null. */
export function keyValue(): Model<Value, KeyValueCall, Value> {
  const asRegister = (call: KeyValueCall): CasRegisterCall => {
    switch (call.kind) {
      case 'get':
        return { kind: 'read' };
      case 'put':
        return { kind: 'write', value: call.value };
      case 'delete':
        return { kind: 'write', value: null };
      case 'cas':
        return call;
    }
  };
  return defineModel({
    name: 'key-value',
    initial: null as Value,
    step: (state: Value, call: KeyValueCall, answer: Answer<Value>) => stepCas(state, asRegister(call), answer),
    keyOf: ({ key }: KeyValueCall) => key,
    isRead: ({ kind }: KeyValueCall) => kind === 'get',
  });
}

export type CounterCall = Read | { readonly kind: 'add'; readonly by: number };

/** A number. A read answers it; an addition answers the new number, or null where it does not say. */
export function counter(initial = 0): Model<number, CounterCall, number | null> {
  return defineModel({
    name: 'counter',
    initial,
    step: (state: number, call: CounterCall, answer: Answer<number | null>) => {
      if (call.kind === 'read') return reads(state, answer, (result) => result === state);
      const next = state + call.by;
      return answer === null || answer.result === null || answer.result === next ? [next] : [];
    },
    isRead: ({ kind }: CounterCall) => kind === 'read',
  });
}

export type QueueCall = { readonly kind: 'enqueue'; readonly value: Value } | { readonly kind: 'dequeue' };

/** First in, first out. A dequeue answers what it took, or null where the queue was empty. */
export function queue(): Model<readonly Value[], QueueCall, Value> {
  return defineModel({
    name: 'queue',
    initial: [] as readonly Value[],
    step: (state: readonly Value[], call: QueueCall, answer: Answer<Value>) => {
      if (call.kind === 'enqueue') return [[...state, call.value]];
      const [first = null, ...rest] = state;
      return answer === null || answer.result === first ? [rest] : [];
    },
  });
}

export type LockCall =
  | { readonly kind: 'acquire'; readonly owner: string }
  | { readonly kind: 'release'; readonly owner: string }
  | { readonly kind: 'use'; readonly token: number };

export interface LockState {
  readonly owner: string | null;
  /** The largest fencing token that was given, and the largest that the guarded resource has seen. */
  readonly given: number;
  readonly seen: number;
}

/**
 * A lock with fencing tokens, and the resource it guards. `acquire` answers a token larger than all before, true where
 * it was given without one, or null for no; `release` answers false where the caller did not hold it; `use` answers false where the resource had seen a larger
 * token. `expires`: a lock may be given to another one while it is held, as leases are; the tokens then carry all.
 */
export function lock(options: { readonly expires?: boolean } = {}): Model<LockState, LockCall, Value> {
  const expires = options.expires ?? false;
  return defineModel({
    name: 'lock',
    initial: { owner: null, given: 0, seen: 0 },
    step: (state: LockState, call: LockCall, answer: Answer<Value>): readonly LockState[] => {
      switch (call.kind) {
        case 'acquire':
          return stepAcquire(state, call.owner, answer, expires);
        case 'release': {
          const holds = state.owner === call.owner;
          if (answer !== null && !expires && holds !== (answer.result !== false)) return [];
          if (answer !== null && expires && !holds && answer.result !== false) return [];
          return [holds ? { ...state, owner: null } : state];
        }
        case 'use': {
          const passes = call.token >= state.seen;
          if (answer !== null && passes !== (answer.result !== false)) return [];
          return [passes ? { ...state, seen: call.token } : state];
        }
      }
    },
  });
}

function stepAcquire(state: LockState, owner: string, answer: Answer<Value>, expires: boolean): readonly LockState[] {
  const isFree = state.owner === null || expires;
  // A token that nobody was told does not bind the next one: it is larger than both.
  if (answer === null) return isFree ? [{ ...state, owner }] : [state];
  if (answer.result === true) return isFree ? [{ ...state, owner }] : [];
  if (typeof answer.result !== 'number') return state.owner === null ? [] : [state];
  return isFree && answer.result > state.given ? [{ ...state, owner, given: answer.result }] : [];
}

export type AppendLogCall =
  | { readonly kind: 'append'; readonly value: Value }
  | { readonly kind: 'read'; readonly from: number };

/** A log that only grows. `append` answers the entry's place from 0, or null; `read` answers all from a place on. */
export function appendLog(): Model<readonly Value[], AppendLogCall, number | null | readonly Value[]> {
  return defineModel({
    name: 'log',
    initial: [] as readonly Value[],
    step: (state: readonly Value[], call: AppendLogCall, answer: Answer<number | null | readonly Value[]>) => {
      if (call.kind === 'append') {
        const told = answer?.result ?? null;
        return told === null || told === state.length ? [[...state, call.value]] : [];
      }
      const kept = state.slice(call.from);
      return reads(state, answer, (result) => {
        return Array.isArray(result) && result.length === kept.length && kept.every((one, at) => result[at] === one);
      });
    },
    isRead: ({ kind }: AppendLogCall) => kind === 'read',
  });
}

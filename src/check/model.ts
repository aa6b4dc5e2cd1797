/**
 * What a history is judged against: a state, and what each operation does to it when operations run one at a time. The
 * ready ones are in `models.ts`; a user's own is one call of `defineModel`.
 */

/** What an operation is known to have answered; null where its outcome is unknown. */
export type Answer<Result> = { readonly result: Result } | null;

export interface Model<State, Call, Result> {
  readonly name: string;
  readonly initial: State;
  /**
   * The states that may follow when this call runs in `state` and answers so: none when it cannot have answered so,
   * several where the specification leaves a choice. For an unknown answer: the states after any answer it might give.
   * Pure: `state` is never changed, and the same arguments give the same states.
   */
  step(state: State, call: Call, answer: Answer<Result>): readonly State[];
  /**
   * Calls of different keys do not concern each other; each key has a state of its own and is judged by itself, which is
   * what makes long histories cheap (Herlihy and Wing: linearizability is local).
   */
  keyOf(call: Call): string;
  /** Whether this call changes no state, ever. Only a hint that saves time; wrongly true makes verdicts wrong. */
  isRead(call: Call): boolean;
}

/** A model's parts; what is left out is the careful default: one key, nothing is a read. */
export interface ModelParts<State, Call, Result> {
  readonly name: string;
  readonly initial: State;
  step(state: State, call: Call, answer: Answer<Result>): readonly State[];
  keyOf?(call: Call): string;
  isRead?(call: Call): boolean;
}

/**
 * A model of one's own. States, calls and results are plain data (primitives, arrays, objects, maps, sets): two states
 * are the same when they are equal as data.
 *
 * ```ts
 * const flag = defineModel<boolean, 'raise' | 'look', boolean>({
 *   name: 'flag',
 *   initial: false,
 *   step: (up, call, answer) => (call === 'raise' ? [true] : answer === null || answer.result === up ? [up] : []),
 * });
 * ```
 */
export function defineModel<State, Call, Result>(parts: ModelParts<State, Call, Result>): Model<State, Call, Result> {
  return {
    name: parts.name,
    initial: parts.initial,
    step: (state, call, answer) => parts.step(state, call, answer),
    keyOf: (call) => parts.keyOf?.(call) ?? '',
    isRead: (call) => parts.isRead?.(call) ?? false,
  };
}

/** A call of one of many like objects. */
export interface KeyedCall<Call> {
  readonly key: string;
  readonly call: Call;
}

/** Many objects of one model, told apart by key: registers, queues, locks by name. */
export function keyed<State, Call, Result>(model: Model<State, Call, Result>): Model<State, KeyedCall<Call>, Result> {
  return defineModel({
    name: `${model.name}, keyed`,
    initial: model.initial,
    step: (state: State, { call }: KeyedCall<Call>, answer: Answer<Result>) => model.step(state, call, answer),
    keyOf: ({ key, call }) => JSON.stringify([key, model.keyOf(call)]),
    isRead: ({ call }) => model.isRead(call),
  });
}

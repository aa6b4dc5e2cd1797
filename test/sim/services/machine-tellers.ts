/**
 * Clients of instances that nobody else sends to: what they are told, doubts and conflicts too, must be what one instance
 * after another would answer, in an order that all of them can have seen.
 */
import { checkLinearizable, defineModel, recorder, type Model, type Recorder } from 'lockstep/check';
import type { Env, World } from 'lockstep/sim';
import type { MachineRequest } from './machine-process.ts';

const tills = ['till/1', 'till/2'] as const;
const callCount = 8;
const attemptsMax = 6;

export type TillCall =
  | { readonly kind: 'read'; readonly key: string }
  | { readonly kind: 'deposit'; readonly key: string; readonly amount: number; readonly expected: number | null };

/** A conflict tells the version that there is; a read the balance too. */
export type TillAnswer =
  | { readonly kind: 'read'; readonly version: number; readonly balance: number }
  | { readonly kind: 'committed'; readonly version: number }
  | { readonly kind: 'conflict'; readonly version: number };

interface Till {
  readonly version: number;
  readonly balance: number;
}

const till: Model<Till, TillCall, TillAnswer> = defineModel({
  name: 'till',
  initial: { version: 0, balance: 0 },
  keyOf: ({ key }: TillCall) => key,
  isRead: ({ kind }: TillCall) => kind === 'read',
  step(state: Till, call: TillCall, answer): readonly Till[] {
    const { version, balance } = state;
    if (call.kind === 'read') {
      const told = answer?.result;
      const fits = told === undefined || (told.version === version && told.kind === 'read' && told.balance === balance);
      return fits ? [state] : [];
    }
    const conflicts = call.expected !== null && call.expected !== version;
    const next = conflicts ? state : { version: version + 1, balance: balance + call.amount };
    if (answer === null) return [next];
    const { kind, version: told } = answer.result;
    return kind === (conflicts ? 'conflict' : 'committed') && told === next.version ? [next] : [];
  },
});

export type Ask = (request: MachineRequest) => Promise<{ readonly kind: string } | null>;

export class Tellers {
  readonly #notes: Recorder<TillCall, TillAnswer> = recorder();
  #tagCount = 0;

  /** One of them at work: each call is asked until it is told, with one id, or given up, and then nobody knows. */
  async work(env: Env, name: string, ask: Ask): Promise<void> {
    let seen = 0;
    for (let count = 0; count < callCount; count++) {
      const key = tills[env.randomness.below(tills.length)] as (typeof tills)[number];
      const isRead = env.random() < 0.4;
      const expected = env.random() < 0.4 ? seen : null;
      const amount = 1 + env.randomness.below(9);
      // A call that is in doubt keeps its client busy for ever: the next one is another's.
      const note = this.#notes.invoke(
        `${name}/${count}`,
        isRead ? { kind: 'read', key } : { kind: 'deposit', key, amount, expected },
      );
      const data = { tag: `till-${++this.#tagCount}`, amount, to: '' };
      const id = env.newId();
      const told = await answerOf(
        env,
        isRead
          ? { kind: 'read', key }
          : { kind: 'send', id, key, command: 'Deposit', data, expectedVersion: expected, isGift: false },
        ask,
      );
      if (told === null) note.info();
      else note.ok(told);
      seen = told?.version ?? seen;
      await env.sleep(`${env.randomness.below(60)}ms`);
    }
  }

  judge(world: World): void {
    const verdict = checkLinearizable(this.#notes.history(), till, { budget: { stepCountMax: 500_000 } });
    if (verdict.kind === 'violation') world.fail(`the history of ${verdict.keys.join(', ')} is not linearizable`);
  }
}

async function answerOf(env: Env, request: MachineRequest, ask: Ask): Promise<TillAnswer | null> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const answer = await ask(request);
    if (['read', 'committed', 'conflict'].includes(answer?.kind ?? '')) return answer as TillAnswer;
    await env.sleep(`${20 + env.randomness.below(100)}ms`);
  }
  return null;
}

/** Asking a partition until it answers or the deadline comes: what may pass is passed over, with pauses that grow. */
import type { Ports } from '../env/env.ts';
import { LockstepError, type ErrorValues } from '../kernel/errors.ts';
import { elapsedMs, type Instant } from '../kernel/time.ts';
import { atMost, isPassing, pause } from '../log/within.ts';
import type { WaitEntry, Waits } from '../observe/waits.ts';
import type { NotLeader, Refused } from '../partition/transaction.ts';

export interface DeliveryPorts {
  readonly ports: Pick<Ports, 'clock' | 'timers' | 'randomness'>;
  readonly waits: Waits | null;
}

export interface DeliveryAbout {
  /** What waits: `send`, `read`. */
  readonly what: string;
  readonly key: string;
  /** For errors. */
  readonly values: ErrorValues;
  readonly withinMs: number;
  readonly signal: AbortSignal | undefined;
}

/** It may be answered in a moment. `inDoubt`: it may have happened all the same. */
export interface Again {
  readonly kind: 'again';
  readonly inDoubt: boolean;
  readonly why: string;
}

const firstPauseMs = 5;
const pauseMsMax = 200;

/**
 * What an attempt answers that is not `again`; it is given how many milliseconds are left.
 * @throws LockstepError `unknown` at the deadline when it may have happened, `unavailable` when it certainly did not; the
 * signal's reason; what an attempt throws and does not pass.
 */
export async function deliver<T extends { readonly kind: string }>(
  setup: DeliveryPorts,
  about: DeliveryAbout,
  attempt: Attempt<T>,
): Promise<T> {
  const since = setup.ports.clock.now();
  let first: T | Again;
  try {
    first = await attemptOnce(setup, about, attempt, about.withinMs);
  } catch (error) {
    first = passing(error);
  }
  return isAgain(first) ? askAgain(setup, about, attempt, { since, first }) : first;
}

type Attempt<T> = (leftMs: number) => Promise<T | Again>;

/** Apart from the first time, which is all that most need. */
async function askAgain<T extends { readonly kind: string }>(
  setup: DeliveryPorts,
  about: DeliveryAbout,
  attempt: Attempt<T>,
  { since, first }: { readonly since: Instant; readonly first: Again },
): Promise<T> {
  const { ports, waits } = setup;
  const { what, key, withinMs, signal } = about;
  const leftMsOf = (): number => withinMs - elapsedMs(since, ports.clock.now());
  let inDoubt = false;
  let wait: WaitEntry | null = null;
  try {
    let answer: T | Again = first;
    for (let count = 1; isAgain(answer); count++) {
      const { why } = answer;
      inDoubt ||= answer.inDoubt;
      const leftMs = leftMsOf();
      const pauseMs = ports.randomness.float() * Math.min(firstPauseMs * 2 ** Math.min(count - 1, 10), pauseMsMax);
      if (leftMs <= pauseMs) throw overdue(about, { inDoubt, count, why });
      wait ??= waits?.enter({ what, key, waitsFor: why, withinMs: leftMs }) ?? null;
      if (wait !== null) wait.waitsFor = why;
      await pause(ports.timers, pauseMs, [signal]);
      answer = await attemptOnce(setup, about, attempt, leftMsOf()).catch(passing);
    }
    return answer;
  } finally {
    wait?.leave();
  }
}

function attemptOnce<T>(
  { ports }: DeliveryPorts,
  { signal }: DeliveryAbout,
  attempt: Attempt<T>,
  leftMs: number,
): Promise<T | Again> {
  const asked = (): Promise<T | Again> => attempt(Math.max(1, leftMs));
  return signal === undefined ? asked() : untilAborted(ports, signal, asked);
}

/** What passes is to be asked again; what does not is thrown. */
function passing(error: unknown): Again {
  if (!isPassing(error)) throw error;
  return { kind: 'again', inDoubt: error.happened === 'unknown', why: error.message };
}

/**
 * Nobody decided it; then it is asked again.
 * @throws LockstepError `stopped` when this node is closing; `invalid` for what is larger than the log takes.
 */
export function again(outcome: NotLeader | Refused, values: ErrorValues): Again {
  if (outcome.kind === 'not-leader')
    return { kind: 'again', inDoubt: false, why: `a leader; the last one known is ${outcome.leader ?? 'nobody'}` };
  if (outcome.reason === 'stopping') throw new LockstepError('stopped', 'this node is closing', { values });
  const { bytesMax } = outcome;
  if (bytesMax !== undefined)
    throw new LockstepError('invalid', 'a message that this sends is larger than messages may be; nothing was done', {
      values: { ...values, bytesMax },
    });
  if (outcome.reason === 'too-large')
    throw new LockstepError('invalid', 'what this writes is larger than the log takes; nothing was done', { values });
  return { kind: 'again', inDoubt: false, why: `the leader, who refuses for now: ${outcome.reason}` };
}

const isAgain = (answer: { readonly kind: string }): answer is Again => answer.kind === 'again';

async function untilAborted<T>(
  { timers }: Pick<Ports, 'timers'>,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T | Again> {
  const ended = await atMost(timers, Infinity, [signal], attempt);
  return ended.kind === 'done' ? ended.value : { kind: 'again', inDoubt: true, why: 'an answer' };
}

function overdue(
  { what, values, withinMs }: DeliveryAbout,
  { inDoubt, count, why }: { readonly inDoubt: boolean; readonly count: number; readonly why: string },
): LockstepError {
  const about = { ...values, withinMs, attempts: count, waitedFor: why };
  if (!inDoubt)
    return new LockstepError('unavailable', `nobody took this ${what} before its deadline; nothing was done`, {
      values: about,
    });
  return new LockstepError('unknown', `the answer to this ${what} was lost; it may have happened`, {
    values: about,
    advice: ['send it again with the same command id: it runs once at most'],
  });
}

/**
 * Writes a history down while it happens, in the simulator and over real processes alike. One recorder for all clients
 * of one process sees the true order of everything; several recorders need one clock, or a bound on how far their
 * clocks are apart (`mergeHistories`).
 */
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { type History, type Operation, type Outcome, sortedHistory } from './history.ts';

/** An operation under way. Exactly one of the three ends it; left alone it stays unknown, as an `info` without a time. */
export interface PendingOperation<Result> {
  /** It took effect and answered this. */
  ok(result: Result): void;
  /** It certainly had no effect. */
  fail(): void;
  /** Nobody knows: a timeout, a lost connection, a crash. */
  info(): void;
}

export interface Recorder<Call, Result> {
  /**
   * Notes that a process asks. Call it before anything is sent.
   * @throws LockstepError `misuse` while an operation of the same process is under way.
   */
  invoke(process: string, call: Call): PendingOperation<Result>;
  /**
   * Runs `work` as one operation and returns its result. An error that says that nothing happened (`happened` is
   * `no`) is a `fail`, every other one an `info`; both are thrown on.
   */
  run<R extends Result>(process: string, call: Call, work: () => Promise<R>): Promise<R>;
  /** All operations so far in the order of their invocations; those under way are unknown. May be called at any time. */
  history(): History<Call, Result>;
}

interface Draft<Call, Result> {
  readonly process: string;
  readonly call: Call;
  readonly invokedAt: number;
  outcome: Outcome<Result>;
}

/**
 * A recorder. Without a clock the stamps are 1, 2, 3, …: the order in which this process saw things, which is exact and
 * is what a simulation wants, where time stands still within a step. With a clock they are its milliseconds, and two of
 * one moment count as concurrent.
 */
export function recorder<Call, Result>(clock?: { now(): number }): Recorder<Call, Result> {
  const drafts: Draft<Call, Result>[] = [];
  const busy = new Set<string>();
  let count = 0;
  const stamp = (): number => (clock === undefined ? ++count : clock.now());

  const invoke = (process: string, call: Call): PendingOperation<Result> => {
    if (busy.has(process)) {
      throw new LockstepError('misuse', 'a process does one operation at a time', {
        values: { process },
        advice: ['give each concurrent client a name of its own'],
      });
    }
    busy.add(process);
    const draft: Draft<Call, Result> = {
      process,
      call,
      invokedAt: stamp(),
      outcome: { kind: 'info', at: null },
    };
    drafts.push(draft);
    let ended = false;
    const end = (outcome: (at: number) => Outcome<Result>): void => {
      if (ended) throw new LockstepError('misuse', 'an operation ends once', { values: { process } });
      ended = true;
      busy.delete(process);
      draft.outcome = outcome(stamp());
    };
    return {
      ok: (result) => end((at) => ({ kind: 'ok', at, result })),
      fail: () => end((at) => ({ kind: 'fail', at })),
      info: () => end((at) => ({ kind: 'info', at })),
    };
  };

  return {
    invoke,
    async run(process, call, work) {
      const pending = invoke(process, call);
      try {
        const result = await work();
        pending.ok(result);
        return result;
      } catch (error) {
        if (isLockstepError(error) && error.happened === 'no') pending.fail();
        else pending.info();
        throw error;
      }
    },
    history: () => drafts.map((draft): Operation<Call, Result> => ({ ...draft })),
  };
}

/**
 * One history of several, by time. All must be stamped by one clock, or by clocks that are at most `clockErrorMs`
 * apart (their step included): every interval is widened by half of it at both ends, so that an order that the clocks
 * cannot vouch for is not claimed. Without that, a clock that is behind would make a stale read look like a violation,
 * and one that is ahead would hide one. The widening can only hide: it never makes a violation of what is none.
 * @throws LockstepError `misuse` for a bound that is none, `invalid` when two histories name the same process.
 */
export function mergeHistories<Call, Result>(
  histories: readonly History<Call, Result>[],
  options: { readonly clockErrorMs: number },
): History<Call, Result> {
  const by = options.clockErrorMs / 2;
  if (!(by >= 0 && by < Number.POSITIVE_INFINITY)) {
    throw new LockstepError('misuse', 'clockErrorMs is a number of milliseconds, at least 0');
  }
  const ownerOf = new Map<string, number>();
  for (const [index, history] of histories.entries()) {
    for (const { process } of history) {
      if ((ownerOf.get(process) ?? index) !== index) {
        throw new LockstepError('invalid', 'two histories have a process of one name', { values: { process } });
      }
      ownerOf.set(process, index);
    }
  }
  const widened = histories.flat().map((operation): Operation<Call, Result> => ({
    ...operation,
    invokedAt: operation.invokedAt - by,
    outcome: later(operation.outcome, by),
  }));
  return sortedHistory(widened);
}

function later<Result>(outcome: Outcome<Result>, by: number): Outcome<Result> {
  switch (outcome.kind) {
    case 'ok':
      return { ...outcome, at: outcome.at + by };
    case 'fail':
      return { ...outcome, at: outcome.at + by };
    case 'info':
      return { ...outcome, at: outcome.at === null ? null : outcome.at + by };
  }
}

/** What is known of a tree by all who ever ran transactions on it: the history, and what was seen. It survives crashes. */
import {
  recorder,
  type PendingOperation,
  type TransactionHistory,
  type TransactionStep,
  type TransactionStepDone,
} from 'lockstep/check';

/** A transaction under way. */
export interface AskedTransaction extends PendingOperation<readonly TransactionStepDone[]> {
  /** Its function has ended so; whether that was committed is told later, or never. */
  done(steps: readonly TransactionStepDone[]): void;
}

export class IsolationKnown {
  readonly #notes = recorder<readonly TransactionStep[], readonly TransactionStepDone[]>();
  /** Of each transaction what its function came to the last time. */
  readonly #done: (readonly TransactionStepDone[] | null)[] = [];
  /** What was read at each revision that was visible. */
  readonly textAt: Map<number, string> = new Map();
  /** Revisions of acknowledged transactions that have written. */
  readonly revisions: Set<number> = new Set();
  committed = 0;
  /** Transactions that did not win, by their reasons. */
  readonly conflicts = { changed: 0, 'too-old': 0 };
  /** Snapshots that had come to their maximum age. */
  expired = 0;
  enough = false;
  #value = 0;
  #process = 0;

  readonly newValue = (): number => ++this.#value;

  /** Of a client that begins: a process that has crashed never comes back. */
  newProcess(kind: string): string {
    return `${kind}${++this.#process}`;
  }

  invoke(process: string, call: readonly TransactionStep[]): AskedTransaction {
    const index = this.#done.push(null) - 1;
    const pending = this.#notes.invoke(process, call);
    return { ...pending, done: (steps) => (this.#done[index] = steps) };
  }

  /**
   * All transactions. One of unknown outcome that somebody has seen was committed, and with it what its function had
   * read the last time: it counts as acknowledged at the very end.
   */
  history(): TransactionHistory {
    const history = [...this.#notes.history()];
    const at = history.reduce((last, { invokedAt, outcome }) => Math.max(last, invokedAt, outcome.at ?? 0), 0) + 1;
    const seen = new Set<string>();
    const see = (steps: readonly TransactionStepDone[]): void => {
      for (const step of steps) {
        if (step.kind !== 'read') continue;
        for (const value of [step.value].flat()) seen.add(`${step.key} ${value}`);
      }
    };
    for (const { outcome } of history) if (outcome.kind === 'ok') see(outcome.result);
    for (let found = true; found;) {
      found = false;
      for (const [index, operation] of history.entries()) {
        const result = this.#done[index] ?? null;
        if (operation.outcome.kind !== 'info' || result === null) continue;
        if (!result.some((step) => step.kind !== 'read' && seen.has(`${step.key} ${step.value}`))) continue;
        history[index] = { ...operation, outcome: { kind: 'ok', at, result } };
        see(result.filter((step) => step.kind === 'read'));
        found = true;
      }
    }
    return history;
  }
}

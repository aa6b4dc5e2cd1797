/** Messages that were put aside, and timers that failed too often, of all partitions of a node: seen, tried again, dropped. */
import { asError, isLockstepError } from '../kernel/errors.ts';
import { again, deliver, type Again, type DeliveryPorts } from '../machine/delivery.ts';
import type { DeadLetter } from '../partition/channel/dead-letters.ts';
import type { Rejection, TransactOutcome } from '../partition/transaction.ts';
import { deadTimersOf, discardDeadTimer, isTimerId, retryDeadTimer, type DeadTimersSetup } from './dead-timers.ts';

/** A dead letter, and the partition in which it lies. */
export interface NodeDeadLetter extends DeadLetter {
  readonly partition: number;
}

/** What names one. */
export type DeadLetterName = Pick<NodeDeadLetter, 'partition' | 'id'>;

/** `rejected`: it stays; `no-such-letter`, or what its receiver says. */
export type DeadLetterOutcome = { readonly kind: 'done' } | Rejection;

const withinMs = 30_000;

export class DeadLetters {
  readonly #setup: DeliveryPorts & DeadTimersSetup;

  constructor(setup: DeliveryPorts & DeadTimersSetup) {
    this.#setup = setup;
  }

  /** Of all partitions that this node can read, the first 100 messages and the first 100 timers of each. */
  async list(): Promise<readonly NodeDeadLetter[]> {
    const { partitions } = this.#setup;
    const found = partitions.map.partitions.map(async (partition) =>
      [...(await partitions.deadLetters(partition)), ...(await deadTimersOf(this.#setup, partition))].map((letter) => ({
        ...letter,
        partition,
      })),
    );
    return (await Promise.all(found)).flat();
  }

  /** @throws LockstepError `unavailable`, `unknown`; `invalid` for what is no id; `misuse` for no partition; `stopped`. */
  async retry({ partition, id }: DeadLetterName): Promise<DeadLetterOutcome> {
    const { partitions } = this.#setup;
    return this.#decided(partition, id, async () => {
      try {
        return await (isTimerId(id) ? retryDeadTimer(this.#setup, partition, id) : partitions.replay(partition, id));
      } catch (error) {
        if (isLockstepError(error)) throw error;
        return { kind: 'rejected', code: 'failed', details: { why: String(asError(error)) } };
      }
    });
  }

  /** @throws as `retry`. */
  discard({ partition, id }: DeadLetterName): Promise<DeadLetterOutcome> {
    return this.#decided(partition, id, () =>
      isTimerId(id) ? discardDeadTimer(this.#setup, partition, id) : this.#setup.partitions.drop(partition, id),
    );
  }

  #decided(
    partition: number,
    id: string,
    ask: () => Promise<TransactOutcome<null | Rejection>>,
  ): Promise<DeadLetterOutcome> {
    const values = { partition, id };
    const about = { what: 'dead letter', key: id, values, withinMs, signal: undefined };
    return deliver<DeadLetterOutcome>(this.#setup, about, async (): Promise<DeadLetterOutcome | Again> => {
      const outcome = await ask();
      switch (outcome.kind) {
        case 'rejected':
          return outcome;
        case 'not-leader':
        case 'refused':
          return again(outcome, values);
        default:
          return { kind: 'done' };
      }
    });
  }
}

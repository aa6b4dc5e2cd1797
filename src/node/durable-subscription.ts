/**
 * A subscription with a name: how far its subscriber is stands in each partition, and moves by acknowledgements, alone or in
 * one transaction with what the subscriber sends. It gives events at least once; what is sent with the acknowledgement
 * happens exactly once. One subscriber at a time: who opens it takes it over, and the one before acknowledges nothing more.
 */
import type { Env } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { RecordedOf } from '../machine/connection.ts';
import type { AnyMachine, Transaction as UserTransaction } from '../machine/definition.ts';
import { tokenAt } from '../machine/event-reader.ts';
import { checkName } from '../machine/machine.ts';
import type { MachineRuntime } from '../machine/runtime.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { Waits } from '../observe/waits.ts';
import type { Partitions } from '../partition/partitions.ts';
import { joinTokens } from '../partition/token.ts';
import type { Space, Token, Transaction } from '../partition/transaction.ts';
import type { EventStore, Followed } from './events.ts';
import { committedBy, runUsers } from './transaction.ts';

/** Of each partition, by name: [subscriber, revision, version of the last event of it that was acknowledged]. */
const subscriptionSystem = 'machine-subscription';
const withinMs = 30_000;

export interface SubscriptionSetup {
  readonly env: Env;
  readonly waits: Waits;
  readonly partitions: Partitions;
  readonly runtime: Pick<MachineRuntime, 'machines'>;
  readonly events: EventStore;
  /** Who sends what is sent with an acknowledgement. */
  readonly actor: string;
}

export type SubscriptionAbout = Omit<Followed, 'after'> & {
  readonly name: string;
  /** Where it begins when it is opened for the first time. */
  readonly from: 'start' | 'now';
};

export type Acknowledged =
  | { readonly kind: 'acknowledged' }
  /** Somebody else has opened the subscription since: nothing was acknowledged, and nothing of `run` was done. */
  | { readonly kind: 'taken-over' };

interface Place {
  readonly revision: number;
  readonly version: number;
}

interface Given extends Place {
  readonly event: RecordedOf<AnyMachine>;
}

export class DurableSubscription<M extends AnyMachine> implements AsyncIterable<RecordedOf<M>> {
  readonly #setup: SubscriptionSetup;
  readonly #about: SubscriptionAbout;
  /** Of this object alone. */
  readonly #subscriber: string;
  /** The last event that was given and not acknowledged, by partition. */
  readonly #given = new Map<number, Given>();
  #last: { readonly index: number } | null = null;
  #isOpen = false;

  /** Use `LockstepNode.subscription`. @throws LockstepError `misuse` for a name that is none. */
  constructor(setup: SubscriptionSetup, about: SubscriptionAbout) {
    checkName(about.name, 'subscription');
    this.#setup = setup;
    this.#about = about;
    this.#subscriber = setup.env.newId();
  }

  /**
   * Takes the subscription over, then gives what comes after what was acknowledged. Once only.
   * @throws LockstepError `misuse` the second time; as `LockstepNode.events`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordedOf<M>, void, undefined> {
    if (this.#isOpen)
      throw new LockstepError('misuse', 'a subscription is read once: open another one of its name', {
        values: { name: this.#about.name },
      });
    this.#isOpen = true;
    const { partitions, events } = this.#setup;
    const indexes = this.#indexes();
    const opened = await Promise.all(indexes.map((index) => this.#open(index)));
    const places = new Map(indexes.map((index, at) => [index, opened[at]?.place]));
    const after = joinTokens(opened.map(({ token }) => token));
    for await (const { row, events: fitting } of events.follow({ ...this.#about, after })) {
      const index = partitions.indexOf(row.key);
      const place = places.get(index);
      for (const event of fitting) {
        // The row that the acknowledged event is in is read again, for the events behind it.
        if (place !== undefined && row.revision === place.revision && event.version <= place.version) continue;
        this.#last = { index };
        this.#given.set(index, { revision: row.revision, version: event.version, event });
        yield event as RecordedOf<M>; // of its machines alone
      }
    }
  }

  /**
   * All that was given so far is done: it is not given again. With `run`, all that it asks for happens in the transaction of
   * the last event's acknowledgement, caused by that event: exactly once, or not at all.
   * @throws what `run` throws: then that event stays unacknowledged; as `LockstepNode.transact`.
   */
  async ack(run?: (tx: UserTransaction) => undefined): Promise<Acknowledged> {
    const last = this.#last;
    if (last === null && run !== undefined)
      throw new LockstepError('misuse', 'there is no event that this is done for', {
        values: { name: this.#about.name },
      });
    // The last one at the end: what is done with it is done once all before it is acknowledged.
    const others = [...this.#given].filter(([index]) => index !== last?.index);
    const mine = last === null ? undefined : this.#given.get(last.index);
    for (const [index, given] of others) if (!(await this.#move(index, given))) return { kind: 'taken-over' };
    if (last !== null && mine !== undefined && !(await this.#move(last.index, mine, run)))
      return { kind: 'taken-over' };
    this.#last = null;
    return { kind: 'acknowledged' };
  }

  /** Nothing of it is kept: opened again it begins anew. @throws as `LockstepNode.transact`. */
  async forget(): Promise<void> {
    for (const index of this.#indexes())
      await this.#transact(index, null, this.#setup.env.newId(), (tx) => spaceOf(tx).delete([this.#about.name]));
  }

  #indexes(): readonly number[] {
    const { partitions } = this.#setup;
    const { key } = this.#about;
    return key === undefined ? [...partitions.map.partitions] : [partitions.indexOf(key)];
  }

  /** Where it goes on, and the token to read after: the row of the event that was acknowledged is read again. */
  async #open(index: number): Promise<{ readonly place: Place; readonly token: Token }> {
    const { name, from } = this.#about;
    const { value, token } = await this.#transact(index, null, this.#setup.env.newId(), (tx) => {
      const first = { revision: from === 'now' ? tx.revision : 0, version: 0 };
      const { revision, version } = storedOf(spaceOf(tx).get([name])) ?? first;
      spaceOf(tx).set([name], [this.#subscriber, revision, version]);
      return [revision, version];
    });
    const [revision, version] = value as readonly [number, number]; // what the function gave
    return { place: { revision, version }, token: tokenAt(token, Math.max(0, revision - 1)) };
  }

  /** False: somebody else has it. */
  async #move(index: number, given: Given, run?: (tx: UserTransaction) => undefined): Promise<boolean> {
    const { env, actor, runtime } = this.#setup;
    const { name } = this.#about;
    const { revision, version, event } = given;
    const { id: causationId, correlationId, trace } = event;
    const commandId = env.newId();
    const { machines } = runtime;
    const cause = { causationId, correlationId, trace };
    const about = { commandId, actor, newId: () => env.newId(), machines, cause };
    const { value } = await this.#transact(index, event.key, commandId, (tx) => {
      if (storedOf(spaceOf(tx).get([name]))?.subscriber !== this.#subscriber) return 'taken-over';
      spaceOf(tx).set([name], [this.#subscriber, revision, version]);
      return (run === undefined ? undefined : runUsers(tx, event.key, about, run)) ?? 'moved';
    });
    const isMoved = value === 'moved';
    if (isMoved && this.#given.get(index) === given) this.#given.delete(index);
    return isMoved;
  }

  #transact(
    index: number,
    key: string | null,
    commandId: string,
    run: (tx: Transaction) => unknown,
  ): Promise<{ readonly value: unknown; readonly token: Token }> {
    const { env, waits, partitions } = this.#setup;
    const { name } = this.#about;
    const about = { what: 'subscription', key: name, values: { name, index }, withinMs, signal: undefined };
    return committedBy({ ports: env, waits }, about, (leftMs) =>
      partitions.at(index).transact<unknown>(key, run, { commandId, withinMs: leftMs }),
    );
  }
}

const spaceOf = (tx: Transaction): Space => tx.system(subscriptionSystem, 'local');

/** Null: nobody ever opened it. @throws LockstepError `corrupt`. */
function storedOf(value: StoredValue | undefined): (Place & { readonly subscriber: string }) | null {
  if (value === undefined) return null;
  const [subscriber, revision, version] = Array.isArray(value) ? value : [];
  if (typeof subscriber !== 'string' || typeof revision !== 'number' || typeof version !== 'number')
    throw new LockstepError('corrupt', 'the place of a subscription is not what was written');
  return { subscriber, revision, version };
}

/** One transaction while its function runs: spaces over a view of the newest state, which end when the function does. */
import type { Tuple } from '../bytes/tuple.ts';
import type { ValueDecoder } from '../bytes/value-decode.ts';
import type { ValueEncoder } from '../bytes/value-encode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { placeOf, slotOf } from '../ring/slot.ts';
import type { TransactionView } from '../storage/transaction/view.ts';
import { KeySpace } from './key-space.ts';
import type { RangeOptions, Space, SpaceEntry, SpaceRange, Transaction } from './transaction.ts';

/** How a message leaves: `channel` knows. `full`: too much waits already, on its way to where it goes. */
export type Sender = (tx: Transaction, to: string, message: StoredValue) => 'sent' | 'full' | 'too-large';

export interface RunSetup {
  readonly view: TransactionView;
  readonly encoder: ValueEncoder;
  readonly decoder: ValueDecoder;
  readonly sender: Sender | null;
}

export class TransactionRun implements Transaction {
  readonly place: string | null;
  readonly now: HybridTimestamp;
  readonly #setup: RunSetup;
  readonly #own: Space;
  readonly #spaces = new Map<string, Space>();
  #notes: { readonly topic: string; readonly note: unknown }[] | null = null;
  #refusal: 'full' | 'too-large' | null = null;
  #isOver = false;

  constructor(setup: RunSetup, place: string | null, now: HybridTimestamp) {
    this.#setup = setup;
    this.place = place;
    this.now = now;
    this.#own = place === null ? this.local : this.#space(KeySpace.ofPlace(slotOf(place), place));
  }

  /** What is told once it is durable. */
  get notes(): readonly { readonly topic: string; readonly note: unknown }[] {
    return this.#notes ?? [];
  }

  /** Why a message of it could not leave: then it does not happen, even if its function catches what `send` threw. */
  get refusal(): 'full' | 'too-large' | null {
    return this.#refusal;
  }

  /** From here on every method throws. */
  end(): void {
    this.#isOver = true;
    this.#setup.view[Symbol.dispose]();
  }

  get(key: Tuple): StoredValue | undefined {
    return this.#own.get(key);
  }

  range(options?: RangeOptions): Iterable<SpaceEntry> {
    return this.#own.range(options);
  }

  set(key: Tuple, value: StoredValue): void {
    this.#own.set(key, value);
  }

  delete(key: Tuple): void {
    this.#own.delete(key);
  }

  deleteRange(range: SpaceRange): void {
    this.#own.deleteRange(range);
  }

  get local(): Space {
    return this.#named('local', () => KeySpace.ofLocal());
  }

  at(key: string): Space {
    this.#check();
    const place = placeOf(key);
    if (place === this.place) return this.#own;
    throw new LockstepError('misuse', 'not-colocated: this key has another place than its transaction', {
      values: { key, place, transactionPlace: this.place },
      advice: [
        `give what belongs together one place: the part of a key before its first '/', as in '${this.place ?? place}/…'`,
        `or send a message to '${place}', which takes effect there a moment later, exactly once`,
      ],
    });
  }

  send(to: string, message: StoredValue): void {
    this.#check();
    const { sender } = this.#setup;
    if (sender === null)
      throw new LockstepError('misuse', 'this partition was opened without channels, so it sends no messages');
    const sent = sender(this, to, message);
    if (sent === 'sent') return;
    this.#refusal = sent;
    throw new LockstepError(
      sent === 'full' ? 'overloaded' : 'invalid',
      'a message cannot leave, so its transaction is refused',
      { values: { to, reason: sent } },
    );
  }

  system(name: string, of: 'place' | 'local'): Space {
    const { place } = this;
    if (of === 'local') return this.#named(`local:${name}`, () => KeySpace.ofSystem(name));
    if (place === null) throw new LockstepError('misuse', 'a transaction without a place has no state of one');
    return this.#named(`place:${name}`, () => KeySpace.ofPlaceSystem(slotOf(place), place, name));
  }

  note(topic: string, note: unknown): void {
    this.#check();
    this.#notes ??= [];
    this.#notes.push({ topic, note });
  }

  #named(name: string, make: () => KeySpace): Space {
    this.#check();
    let space = this.#spaces.get(name);
    if (space === undefined) this.#spaces.set(name, (space = this.#space(make())));
    return space;
  }

  #space(space: KeySpace): Space {
    const { view, encoder, decoder } = this.#setup;
    const check = (): void => this.#check();
    return {
      get(key) {
        check();
        const found = view.find(space.key(key));
        return found === null ? undefined : decoder.decode(found.bytes, found.start, found.end);
      },
      *range(options = {}) {
        check();
        const bounds = space.bounds(options);
        let left = options.limit ?? Infinity;
        if (bounds === null) return;
        const walk = view.walk(bounds, options.reverse === true);
        const { cursor } = walk;
        try {
          while (left-- > 0 && walk.next())
            yield [
              space.tupleOf(cursor.keyBytes, cursor.keyStart, cursor.keyEnd),
              decoder.decode(cursor.valueBytes, cursor.valueStart, cursor.valueEnd),
            ] as const;
        } finally {
          walk.end();
        }
      },
      set(key, value) {
        check();
        view.put(space.key(key), encoder.encode(value));
      },
      delete(key) {
        check();
        view.delete(space.key(key));
      },
      deleteRange(range) {
        check();
        const bounds = space.bounds(range);
        if (bounds !== null) view.deleteRange(bounds.from, bounds.to);
      },
    };
  }

  #check(): void {
    if (this.#isOver)
      throw new LockstepError('misuse', 'this transaction is over', {
        advice: ['use it within its function alone; begin another one for what comes later'],
      });
  }
}

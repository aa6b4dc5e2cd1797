/** One transaction while its function runs: spaces over a view of the newest state, which end when the function does. */
import type { ByteWriter } from '../bytes/byte-writer.ts';
import type { Tuple } from '../bytes/tuple.ts';
import type { ValueDecoder } from '../bytes/value-decode.ts';
import type { ValueEncoder } from '../bytes/value-encode.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { HybridTimestamp } from '../clock/timestamp.ts';
import { LockstepError } from '../kernel/errors.ts';
import { placeOf } from '../ring/slot.ts';
import type { TransactionView } from '../storage/transaction/view.ts';
import type { KeySpace } from './key-space.ts';
import type { KeySpaces } from './key-spaces.ts';
import { entriesOf, EntriesWalk } from './space-walk.ts';
import type {
  RangeOptions,
  ReadSpace,
  Refused,
  Space,
  SpaceEntry,
  SpaceRange,
  SpaceWalk,
  Token,
  Transaction,
} from './transaction.ts';

/** How a message leaves: `channel` knows. */
export interface Sender {
  /** Null: it leaves. `full`: too much waits already, on its way to where it goes; `too-large`, with the limit. */
  send(tx: Transaction, to: string, message: StoredValue): Refused | null;
  /** Null: it is not larger than messages may be. */
  tooLarge(tx: Transaction, to: string, message: StoredValue): Refused | null;
}

/** What all transactions of a leader share: one runs at a time. */
export interface RunSetup {
  readonly spaces: KeySpaces;
  readonly encoder: ValueEncoder;
  readonly decoder: ValueDecoder;
  /** Where values are encoded. */
  readonly value: ByteWriter;
  readonly sender: Sender | null;
  readonly tokenAt: (revision: number) => Token;
}

interface Note {
  readonly topic: string;
  readonly note: unknown;
}

/** Of most transactions. */
const noNotes: readonly Note[] = Object.freeze([]);

export class TransactionRun implements Transaction {
  readonly place: string | null;
  readonly now: HybridTimestamp;
  readonly #setup: RunSetup;
  readonly #view: TransactionView;
  #own: Space | null = null;
  #local: Space | null = null;
  /** Few: found by looking through them. */
  #systems: RunSpace[] | null = null;
  #notes: Note[] | null = null;
  #refusal: Refused | null = null;
  readonly #revision: number | null;

  /** `revision`: null while it is not known. */
  constructor(
    setup: RunSetup,
    view: TransactionView,
    about: { readonly place: string | null; readonly now: HybridTimestamp; readonly revision: number | null },
  ) {
    const { place, now, revision } = about;
    this.#setup = setup;
    this.#view = view;
    this.#revision = revision;
    this.place = place;
    this.now = now;
    if (place !== null && !isSurelyPlace(place)) this.#ofPlace(); // where it is refused, it is before anything runs
  }

  /** What is told once it is durable. */
  get notes(): readonly Note[] {
    return this.#notes ?? noNotes;
  }

  /** Why a message of it could not leave: then it does not happen, even if its function catches what `send` threw. */
  get refusal(): Refused | null {
    return this.#refusal;
  }

  get revision(): number {
    checkIsOn(this.#view);
    if (this.#revision !== null) return this.#revision;
    throw new LockstepError('misuse', 'the revision of a transaction that waits is known when it has ended');
  }

  tokenAt(revision: number): Token {
    return this.#setup.tokenAt(revision);
  }

  /** From here on every method throws. */
  end(): void {
    this.#view[Symbol.dispose]();
  }

  get(key: Tuple): StoredValue | undefined {
    return this.#ofPlace().get(key);
  }

  range(options?: RangeOptions): Iterable<SpaceEntry> {
    return this.#ofPlace().range(options);
  }

  walk(options?: RangeOptions): SpaceWalk {
    return this.#ofPlace().walk(options);
  }

  set(key: Tuple, value: StoredValue): void {
    this.#ofPlace().set(key, value);
  }

  setEncoded(key: Tuple, value: Uint8Array): void {
    this.#ofPlace().setEncoded(key, value);
  }

  delete(key: Tuple): void {
    this.#ofPlace().delete(key);
  }

  deleteRange(range: SpaceRange): void {
    this.#ofPlace().deleteRange(range);
  }

  get local(): Space {
    checkIsOn(this.#view);
    return (this.#local ??= new RunSpace(this.#setup, this.#view, this.#setup.spaces.local));
  }

  at(key: string): Space {
    checkIsOn(this.#view);
    const place = placeOf(key);
    if (place === this.place) return this.#ofPlace();
    throw new LockstepError('misuse', 'not-colocated: this key has another place than its transaction', {
      values: { key, place, transactionPlace: this.place },
      advice: [
        `give what belongs together one place: the part of a key before its first '/', as in '${this.place ?? place}/…'`,
        `or send a message to '${place}', which takes effect there a moment later, exactly once`,
      ],
    });
  }

  send(to: string, message: StoredValue): void {
    const refused = this.#sender.send(this, to, message);
    if (refused === null) return;
    this.#refusal = refused;
    throw notSent(to, refused);
  }

  checkMessage(to: string, message: StoredValue): void {
    const refused = this.#sender.tooLarge(this, to, message);
    if (refused !== null) throw notSent(to, refused);
  }

  get #sender(): Sender {
    checkIsOn(this.#view);
    const { sender } = this.#setup;
    if (sender !== null) return sender;
    throw new LockstepError('misuse', 'this partition was opened without channels, so it sends no messages');
  }

  system(name: string, of: 'place' | 'local'): Space {
    const { place } = this;
    const { spaces } = this.#setup;
    if (of === 'local') return this.#system(spaces.ofSystem(name));
    if (place === null) throw new LockstepError('misuse', 'a transaction without a place has no state of one');
    return this.#system(spaces.ofPlaceSystem(place, name));
  }

  encoded(value: StoredValue): Uint8Array {
    checkIsOn(this.#view);
    const { value: encoded, encoder } = this.#setup;
    encoded.clear();
    encoder.write(encoded, value);
    return encoded.view();
  }

  systemAt(name: string, place: string): ReadSpace {
    return this.#system(this.#setup.spaces.ofPlaceSystem(place, name));
  }

  note(topic: string, note: unknown): void {
    checkIsOn(this.#view);
    this.#notes ??= [];
    this.#notes.push({ topic, note });
  }

  /** Made when it is asked for: the product's own transactions seldom do. */
  #ofPlace(): Space {
    checkIsOn(this.#view);
    const { place } = this;
    if (place === null) return this.local;
    return (this.#own ??= new RunSpace(this.#setup, this.#view, this.#setup.spaces.ofPlace(place)));
  }

  #system(keys: KeySpace): Space {
    checkIsOn(this.#view);
    this.#systems ??= [];
    for (const space of this.#systems) if (space.keys === keys) return space;
    const space = new RunSpace(this.#setup, this.#view, keys);
    this.#systems.push(space);
    return space;
  }
}

/** The keys of one space, as this transaction sees them. */
class RunSpace implements Space {
  readonly #setup: RunSetup;
  readonly #view: TransactionView;
  readonly keys: KeySpace;

  constructor(setup: RunSetup, view: TransactionView, keys: KeySpace) {
    this.#setup = setup;
    this.#view = view;
    this.keys = keys;
  }

  get(key: Tuple): StoredValue | undefined {
    checkIsOn(this.#view);
    const { buffer, length } = this.keys.written(key);
    const found = this.#view.find(buffer, length);
    return found === null ? undefined : this.#setup.decoder.decode(found.bytes, found.start, found.end);
  }

  range(options: RangeOptions = {}): Iterable<SpaceEntry> {
    return entriesOf(() => this.walk(options));
  }

  walk(options: RangeOptions = {}): SpaceWalk {
    checkIsOn(this.#view);
    return new EntriesWalk(this.keys, this.#setup.decoder, options, (bounds, reverse) =>
      this.#view.walk(bounds, reverse),
    );
  }

  set(key: Tuple, value: StoredValue): void {
    checkIsOn(this.#view);
    const { value: encoded, encoder } = this.#setup;
    encoded.clear();
    encoder.write(encoded, value); // first: a getter within the value may use this very space
    const { buffer, length } = this.keys.written(key);
    this.#view.putRange(buffer, length, encoded.buffer, encoded.length);
  }

  setEncoded(key: Tuple, value: Uint8Array): void {
    checkIsOn(this.#view);
    const { buffer, length } = this.keys.written(key);
    this.#view.putRange(buffer, length, value, value.length);
  }

  delete(key: Tuple): void {
    checkIsOn(this.#view);
    this.#view.delete(this.keys.key(key));
  }

  deleteRange(range: SpaceRange): void {
    checkIsOn(this.#view);
    const bounds = this.keys.bounds(range);
    if (bounds !== null) this.#view.deleteRange(bounds.from, bounds.to);
  }
}

/** Not so long that its keys could be too long, and a text. */
const isSurelyPlace = (place: string): boolean => place.length <= 1_000 && place.isWellFormed();

const notSent = (to: string, { reason, bytesMax }: Refused): LockstepError =>
  new LockstepError(
    reason === 'full' ? 'overloaded' : 'invalid',
    'a message cannot leave, so its transaction is refused',
    { values: { to, reason, ...(bytesMax === undefined ? {} : { bytesMax }) } },
  );

function checkIsOn(view: TransactionView): void {
  if (view.isOver)
    throw new LockstepError('misuse', 'this transaction is over', {
      advice: ['use it within its function alone; begin another one for what comes later'],
    });
}

/**
 * The channels of one partition on this node: how its transactions send, the service that hands over what they sent while
 * this node leads, and where what others sent comes in. Between two partitions messages are in order; each takes effect
 * exactly once, or is put aside among the dead letters, with the reason.
 */
import { ValueEncoder } from '../../bytes/value-encode.ts';
import type { StoredValue } from '../../bytes/value-format.ts';
import { placeOf } from '../../ring/slot.ts';
import type { Sender } from '../transaction-run.ts';
import type { EpochService, EpochServiceMaker, Leading, NotLeader, Refused, Transaction } from '../transaction.ts';
import { Courier } from './courier.ts';
import { identityIn, identityName } from './identity.ts';
import { encodeEnvelope, type MessageHandler } from './message.ts';
import { putOut, waitingTargets, type OutMessage } from './outbox.ts';
import { channelName, Receiver, type Handling } from './receiver.ts';
import type { ChannelSettings } from './settings.ts';
import type { ChannelAnswer, ChannelBatch, ChannelTransport } from './transport.ts';

export interface ChannelsSetup {
  /** This partition's name among waits, and that of any other. */
  readonly name: string;
  readonly nameOf: (partition: number) => string;
  /** Which partition has a place. */
  readonly partitionOf: (place: string) => number;
  readonly transport: ChannelTransport;
  readonly handler: MessageHandler;
  readonly settings: ChannelSettings;
}

/** What a transaction that sends notes. */
interface Sent {
  readonly to: number;
  readonly message: OutMessage;
}

const notLeader: NotLeader = Object.freeze({ kind: 'not-leader', leader: null });

export class Channels {
  readonly #setup: ChannelsSetup;
  readonly #encoder = new ValueEncoder();
  readonly #handling: Handling = { isOn: false, refusal: null };
  #epoch: ChannelEpoch | null = null;

  constructor(setup: ChannelsSetup) {
    this.#setup = setup;
  }

  /** For `openPartition`. */
  get sender(): Sender {
    return {
      send: (tx, to, message) => {
        const refused = this.#send(tx, to, message);
        if (refused !== null && this.#handling.isOn) this.#handling.refusal = refused;
        return refused;
      },
      tooLarge: (tx, to, message) => this.#tooLarge(this.#envelope(tx, to, message)),
    };
  }

  /** For `openPartition`. */
  get service(): EpochServiceMaker {
    return () => {
      const epoch = new ChannelEpoch(this.#setup, this.#handling, () => {
        if (this.#epoch === epoch) this.#epoch = null;
      });
      this.#epoch = epoch;
      return epoch;
    };
  }

  /** From a transport. @throws what `ChannelTransport.deliver` may. */
  async receive(batch: ChannelBatch): Promise<ChannelAnswer> {
    return this.#epoch?.receive(batch) ?? notLeader;
  }

  #envelope(tx: Transaction, to: string, message: StoredValue): Uint8Array {
    return encodeEnvelope(this.#encoder, { to, from: tx.place, sentAt: tx.now, message });
  }

  #tooLarge({ length }: Uint8Array): Refused | null {
    const { messageBytesMax: bytesMax } = this.#setup.settings;
    return length > bytesMax ? { kind: 'refused', reason: 'too-large', bytesMax } : null;
  }

  #send(tx: Transaction, to: string, message: StoredValue): Refused | null {
    const { settings, partitionOf } = this.#setup;
    const bytes = this.#envelope(tx, to, message);
    const tooLarge = this.#tooLarge(bytes);
    if (tooLarge !== null) return tooLarge;
    const target = partitionOf(placeOf(to));
    // What handlers send has room of its own: else two partitions whose handlers answer each other could wait for ever.
    const factor = this.#handling.isOn ? 2 : 1;
    const limits = { countMax: settings.outboxCountMax * factor, bytesMax: settings.outboxBytesMax * factor };
    const generation = this.#epoch?.generationIn(tx) ?? identityIn(tx.system(identityName, 'local')).generation;
    const sent = putOut(tx.system(channelName, 'local'), target, generation, bytes, limits);
    if (sent === null) return { kind: 'refused', reason: 'full' };
    const note: Sent = { to: target, message: sent };
    tx.note(channelName, note);
    return null;
  }
}

class ChannelEpoch implements EpochService {
  readonly #setup: ChannelsSetup;
  readonly #handling: Handling;
  readonly #onStop: () => void;
  readonly #couriers = new Map<number, Courier>();
  #leading: Leading | null = null;
  #generation: number | null = null;
  #receiver: Receiver | null = null;

  constructor(setup: ChannelsSetup, handling: Handling, onStop: () => void) {
    this.#setup = setup;
    this.#handling = handling;
    this.#onStop = onStop;
  }

  start(leading: Leading): void {
    const { name, handler, settings } = this.#setup;
    this.#leading = leading;
    this.#receiver = new Receiver({ leading, name, handler, handling: this.#handling, settings });
    leading.onNote(channelName, (note) => {
      const { to, message } = note as Sent; // nobody else tells under this topic
      this.#courier(leading, to)?.sent(message);
    });
    for (const to of waitingTargets(leading.reader.system(channelName, null))) this.#courier(leading, to);
  }

  async stop(): Promise<void> {
    this.#onStop();
    this.#receiver?.stop();
    await Promise.all([...this.#couriers.values()].map((courier) => courier.ended()));
  }

  /** It does not change while an epoch lasts. */
  generationIn(tx: Transaction): number {
    return (this.#generation ??= identityIn(tx.system(identityName, 'local')).generation);
  }

  async receive(batch: ChannelBatch): Promise<ChannelAnswer> {
    if (this.#receiver === null || this.#leading?.signal.aborted !== false) return notLeader;
    return this.#receiver.receive(batch);
  }

  /** Null: the epoch is over. */
  #courier(leading: Leading, to: number): Courier | null {
    if (leading.signal.aborted) return null;
    const { name, nameOf, transport, settings } = this.#setup;
    const known = this.#couriers.get(to);
    if (known !== undefined) return known;
    const courier = new Courier({ leading, name, toName: nameOf(to), to, transport, settings });
    this.#couriers.set(to, courier);
    return courier;
  }
}

/**
 * The sending side of one pair, for one epoch: hands over what is durable, a batch at a time, until the receiver says that
 * it has it, and then lets it go. What it remembers, how far the receiver has said that it is and what was sent lately, it
 * could read from the state: so the next leader goes on from there, at worst with some that the receiver knows already.
 */
import { pause, within } from '../../log/within.ts';
import type { WaitEntry } from '../../observe/waits.ts';
import type { Leading } from '../transaction.ts';
import { identityIn, identityName } from './identity.ts';
import { letGo, readOut, takenBy, type OutboxMark, type OutMessage } from './outbox.ts';
import { channelName, enterWhereRoom } from './receiver.ts';
import { RecentMessages } from './recent-messages.ts';
import type { ChannelSettings } from './settings.ts';
import type { ChannelAnswer, ChannelBatch, ChannelTransport } from './transport.ts';

export interface CourierSetup {
  readonly leading: Leading;
  /** The sending partition's name, and the receiving one's. */
  readonly name: string;
  readonly toName: string;
  readonly to: number;
  readonly transport: ChannelTransport;
  readonly settings: ChannelSettings;
}

/** So many batches wait in memory; what is sent beyond is read from the state when its turn comes. */
const recentBatches = 4;
/** So many are let go in one transaction, at most. */
const letGoAtOnce = 1_000;

export class Courier {
  readonly #setup: CourierSetup;
  /** The receiver has said that it has all up to here. */
  #taken: OutboxMark | null = null;
  readonly #recent: RecentMessages;
  /** Marks up to which may be let go, the first one next. */
  readonly #lettable: OutboxMark[] = [];
  #isLettingGo = false;
  #lettingGo: Promise<void> | null = null;
  #woken: PromiseWithResolvers<void> | null = null;
  #isWoken = false;
  #wait: WaitEntry | null = null;
  #failures = 0;
  readonly #done: Promise<void>;

  constructor(setup: CourierSetup) {
    this.#setup = setup;
    const { signal } = setup.leading;
    const { batchCountMax, batchBytesMax } = setup.settings;
    this.#recent = new RecentMessages({
      countMax: batchCountMax * recentBatches,
      bytesMax: batchBytesMax * recentBatches,
    });
    if (!signal.aborted) signal.addEventListener('abort', () => this.#wake(), { once: true });
    this.#done = this.#run();
  }

  /** One more, which is durable. */
  sent(message: OutMessage): void {
    this.#recent.add(message);
    this.#wake();
  }

  #wake(): void {
    this.#isWoken = true;
    this.#woken?.resolve();
  }

  /** Resolves once the epoch is over and nothing of this runs any more. */
  async ended(): Promise<void> {
    await this.#done;
    await this.#lettingGo;
  }

  async #run(): Promise<void> {
    const { signal } = this.#setup.leading;
    try {
      while (!signal.aborted) {
        await this.#turn();
      }
    } finally {
      this.#wait?.leave();
    }
  }

  /** Whatever goes wrong is told in the registry of waits, and tried again: nothing is lost by that. */
  async #turn(): Promise<void> {
    const { leading, to, settings } = this.#setup;
    this.#isWoken = false;
    try {
      const space = leading.reader.system(channelName, null);
      const taken = (this.#taken ??= takenBy(space, to));
      const limits = { countMax: settings.batchCountMax, bytesMax: settings.batchBytesMax };
      const recent = this.#recent.after(taken.number, limits);
      const messages = recent.length > 0 ? recent : readOut(space, to, taken.number, limits);
      if (messages.length === 0) await this.#idle();
      else await this.#handOver(messages, taken);
    } catch (error) {
      if (leading.signal.aborted) return;
      await this.#pause((this.#taken?.number ?? 0) + 1, String(error), null, this.#backoff());
    }
  }

  async #idle(): Promise<void> {
    this.#wait?.leave();
    this.#wait = null;
    if (this.#isWoken) return;
    this.#woken = Promise.withResolvers();
    await this.#woken.promise;
    this.#woken = null;
  }

  async #handOver(messages: readonly OutMessage[], taken: OutboxMark): Promise<void> {
    const { settings } = this.#setup;
    const next = taken.number + 1;
    this.#tell(next, 'the answer of whoever leads it', null);
    const answer = await this.#deliver(messages, taken);
    switch (answer.kind) {
      case 'late':
        return this.#pause(next, `no answer came within ${settings.deliverMs} ms`, null, this.#backoff());
      case 'taken': {
        const upTo = messages.findLast(({ number }) => number <= answer.upTo) ?? taken;
        if (upTo !== taken) this.#take(upTo);
        this.#failures = 0;
        if (answer.held !== null) await this.#pause(upTo.number + 1, answer.held.why, null, answer.held.retryInMs);
        return;
      }
      case 'gap': {
        const { generation, number } = answer.has;
        const why = `its receiver should have all before, and has nothing after number ${number} of generation ${generation}`;
        return this.#pause(next, why, null, settings.pauseMsMax);
      }
      case 'not-leader':
        return this.#pause(next, 'nobody leads it here', answer.leader, this.#backoff());
    }
  }

  async #deliver(
    messages: readonly OutMessage[],
    taken: OutboxMark,
  ): Promise<ChannelAnswer | { readonly kind: 'late' }> {
    const { leading, to, transport, settings } = this.#setup;
    const batch: ChannelBatch = {
      sender: identityIn(leading.reader.system(identityName, null)).id,
      after: { generation: taken.generation, number: taken.number },
      messages: messages.map(({ generation, number, bytes }) => ({ generation, number, bytes })),
    };
    const end = await within(leading.ports.timers, settings.deliverMs, [leading.signal], (signal) =>
      transport.deliver(to, batch, signal),
    );
    return end.kind === 'done' ? end.value : end;
  }

  /** The receiver has them: they go, while the next ones are handed over. */
  #take(upTo: OutboxMark): void {
    this.#taken = upTo;
    const last = this.#lettable.at(-1);
    const from = this.#lettable.at(-2)?.number ?? 0;
    // Marks that are near each other are one: few are kept however long a transaction takes.
    if (last !== undefined && this.#lettable.length > 1 && upTo.number - from <= letGoAtOnce) this.#lettable.pop();
    this.#lettable.push(upTo);
    if (!this.#isLettingGo) this.#lettingGo = this.#letGo();
  }

  async #letGo(): Promise<void> {
    const { leading, to } = this.#setup;
    const { signal } = leading;
    this.#isLettingGo = true;
    for (let [mark] = this.#lettable; mark !== undefined && !signal.aborted; [mark] = this.#lettable) {
      const upTo = mark;
      try {
        const outcome = await leading.transact(null, (tx) => letGo(tx.system(channelName, 'local'), to, upTo));
        if (outcome.kind === 'committed') this.#lettable.splice(0, this.#lettable.indexOf(upTo) + 1);
        else await this.#rest(`letting go of what was taken: ${outcome.kind}`);
      } catch (error) {
        await this.#rest(`letting go of what was taken: ${String(error)}`); // done twice it does no harm
      }
    }
    this.#isLettingGo = false;
  }

  /** Whoever finds the outbox full sees why. */
  async #rest(why: string): Promise<void> {
    const { leading, name, toName, settings } = this.#setup;
    const wait = enterWhereRoom(leading, { what: 'channel', key: `${name} → ${toName}`, waitsFor: why });
    await restUntil(leading, settings.pauseMs);
    wait?.leave();
  }

  async #pause(number: number, why: string, heldBy: string | null, ms: number): Promise<void> {
    this.#tell(number, why, heldBy);
    await restUntil(this.#setup.leading, ms);
  }

  #backoff(): number {
    const { leading, settings } = this.#setup;
    const most = Math.min(settings.pauseMs * 2 ** Math.min(this.#failures++, 30), settings.pauseMsMax);
    return most * (0.5 + leading.ports.randomness.float() / 2);
  }

  /** A new wait for each message that has to wait; why it does may change. */
  #tell(number: number, why: string, heldBy: string | null): void {
    const { leading, name, toName } = this.#setup;
    const waitsFor = `number ${number} to be taken: ${why}`;
    if (this.#wait === null || !this.#wait.waitsFor.startsWith(`number ${number} `)) {
      this.#wait?.leave();
      this.#wait = enterWhereRoom(leading, { what: 'channel', key: `${name} → ${toName}`, waitsFor });
    }
    if (this.#wait === null) return;
    this.#wait.waitsFor = waitsFor;
    this.#wait.heldBy = heldBy;
  }
}

/** So long, or until the epoch is over. */
async function restUntil({ ports, signal }: Leading, ms: number): Promise<void> {
  try {
    await pause(ports.timers, ms, [signal]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

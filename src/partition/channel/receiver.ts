/**
 * The receiving side, for one epoch: runs what comes, each message in a transaction of its own that also moves the number
 * of the last one taken. So a message that comes again, from whichever leader, is known, and one that comes early is too.
 * What is answered is durable; but the messages of a batch run one right behind the other, and become durable together.
 *
 * A message whose handler fails is tried again after a while, and the ones behind it wait; after some attempts it is put
 * aside with its reason, and they go on.
 */
import { ValueDecoder } from '../../bytes/value-decode.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import { elapsedMs, instantAfter, type Instant } from '../../kernel/time.ts';
import { isPassing } from '../../log/within.ts';
import type { WaitEntry } from '../../observe/waits.ts';
import { placeOf } from '../../ring/slot.ts';
import type { Committed, Expired, Leading, NotLeader, Refused, Rejection, Space, Transaction } from '../transaction.ts';
import { begin, type Begun } from './begin.ts';
import { identityIn, identityName } from './identity.ts';
import { forgetTried, lastFrom, moveTo, noteLost, noteTried, putAside, triedFrom, type Tried } from './inbox.ts';
import {
  decodeEnvelope,
  isAfter,
  isSame,
  messageId,
  type Later,
  type MessageHandler,
  type MessageNumber,
} from './message.ts';
import type { ChannelSettings } from './settings.ts';
import type { ChannelAnswer, ChannelBatch, Held, MessageInTransit } from './transport.ts';

/** Under this name the product keeps what channels need. */
export const channelName = 'channel';

/** Whether what runs is the handler of a message: what it sends may use more room, and is told when there is none. */
export interface Handling {
  isOn: boolean;
  refusal: Refused | null;
}

export interface ReceiverSetup {
  readonly leading: Leading;
  readonly name: string;
  readonly handler: MessageHandler;
  readonly handling: Handling;
  readonly settings: ChannelSettings;
}

interface Opened {
  readonly last: MessageNumber;
  readonly tried: Tried | null;
  readonly isGap: boolean;
}

/** What one message came to, in memory; `outcome` says whether that lasts. */
interface Step {
  readonly message: MessageInTransit;
  readonly kind: 'settled' | 'later' | 'held' | 'stopped';
  readonly held: Held | null;
  readonly outcome: Promise<AnyOutcome>;
}

type AnyOutcome = Committed<unknown> | Rejection | Expired | NotLeader | Refused;
type Ended = AnyOutcome | { readonly kind: 'threw'; readonly error: unknown };

const outOfTurn: Rejection<'out-of-turn', null> = Object.freeze({
  kind: 'rejected',
  code: 'out-of-turn',
  details: null,
});

/** `Transaction.note` under this topic: a message was put aside. */
export const deadLetterTopic = 'dead-letter';

export interface PutAside {
  /** The partition that it came from. */
  readonly sender: string;
  readonly attempts: number;
  readonly why: string;
}

/** After what is over soon: a batch before, a leader that is full. */
const soonMs = 50;

export class Receiver {
  readonly #setup: ReceiverSetup;
  readonly #decoder = new ValueDecoder();
  /** Of each sender one batch at a time. */
  readonly #busy = new Set<string>();
  /** Before that a message that failed is not tried again. */
  readonly #retryAt = new Map<string, { readonly at: Instant; readonly held: Held }>();
  readonly #waiting = new Map<string, WaitEntry>();

  constructor(setup: ReceiverSetup) {
    this.#setup = setup;
  }

  /** @throws LockstepError `unknown` or `unavailable` when nobody knows what became of it: hand it over again. */
  async receive(batch: ChannelBatch): Promise<ChannelAnswer> {
    const { sender, after } = batch;
    const later = this.#later(sender);
    if (later !== null) return { kind: 'taken', upTo: after.number, held: later };
    this.#busy.add(sender);
    try {
      return await this.#receive(batch);
    } finally {
      this.#busy.delete(sender);
    }
  }

  /** The epoch is over. */
  stop(): void {
    for (const wait of this.#waiting.values()) wait.leave();
    this.#waiting.clear();
  }

  #later(sender: string): Held | null {
    if (this.#busy.has(sender)) return { why: 'what came before is still being taken', retryInMs: soonMs };
    const retry = this.#retryAt.get(sender);
    if (retry === undefined) return null;
    const retryInMs = elapsedMs(this.#setup.leading.ports.clock.now(), retry.at);
    return retryInMs > 0 ? { ...retry.held, retryInMs } : null;
  }

  async #receive(batch: ChannelBatch): Promise<ChannelAnswer> {
    const { sender, after, messages } = batch;
    const opening = begin(this.#setup.leading, null, (tx) => this.#open(tx, batch));
    const opened = opening.ran.kind === 'returned' ? opening.ran.value : null;
    const steps = opened === null || opened.isGap ? [] : this.#takeAll(sender, opened, messages);
    const began = await ended(opening.outcome);
    if (opened === null || began.kind !== 'committed') return this.#answerOf(batch, after.number, began);
    if (opened.isGap) return { kind: 'gap', has: opened.last };
    const known = messages.findLast((message) => !isAfter(message, opened.last));
    let { last } = opened;
    let upTo = known?.number ?? after.number;
    for (const first of steps) {
      let step = first;
      let outcome = await ended(step.outcome);
      while (step.kind === 'later' && outcome.kind === 'committed') {
        step = this.#take(sender, last, step.message, true);
        outcome = await ended(step.outcome);
      }
      const why = whyImpossible(step, outcome);
      if (why !== null) {
        step = this.#fail(sender, last, step.message, { why, isFinal: false });
        outcome = await ended(step.outcome);
      }
      if (outcome.kind !== 'committed') return this.#answerOf(batch, upTo, outcome);
      if (step.kind !== 'settled') return this.#answer(sender, upTo, step.held);
      last = step.message;
      upTo = step.message.number;
      if (why !== null) break; // those behind it found it missing
    }
    return this.#answer(sender, upTo, null);
  }

  /** Which one is next, and whether nothing lies between. */
  #open(tx: Transaction, { sender, after, messages }: ChannelBatch): Opened {
    messages.forEach(({ number }, index) => {
      if (number !== after.number + 1 + index)
        throw new LockstepError('invalid', 'a batch of messages has a gap', { values: { sender, number } });
    });
    const space = tx.system(channelName, 'local');
    const last = lastFrom(space, sender);
    if (!isAfter(after, last)) return { last, tried: triedFrom(space, sender), isGap: false };
    // Only one that was restored, which makes it a new generation, may lack what it had.
    if (identityIn(tx.system(identityName, 'local')).generation <= 1) return { last, tried: null, isGap: true };
    noteLost(space, { sender, after: last, upTo: after, at: tx.now });
    moveTo(space, sender, after);
    forgetTried(space, sender);
    return { last: after, tried: null, isGap: false };
  }

  #takeAll(sender: string, opened: Opened, messages: readonly MessageInTransit[]): Step[] {
    const steps: Step[] = [];
    let before = opened.last;
    for (const message of messages) {
      if (!isAfter(message, opened.last)) continue;
      const hasFailed = steps.length === 0 && opened.tried !== null;
      const step = this.#take(sender, before, message, hasFailed);
      steps.push(step);
      if (step.kind !== 'settled') break;
      before = message;
    }
    return steps;
  }

  #take(sender: string, before: MessageNumber, message: MessageInTransit, hasFailed: boolean): Step {
    const { leading, handler, handling } = this.#setup;
    const envelope = decodeEnvelope(this.#decoder, message.bytes);
    const received = { id: messageId(sender, message), ...envelope };
    handling.refusal = null;
    const { ran, outcome } = begin(leading, placeOf(envelope.to), (tx): null | Later | Rejection => {
      const space = tx.system(channelName, 'local');
      if (!isSame(lastFrom(space, sender), before)) return outOfTurn;
      handling.isOn = true;
      try {
        const answer = handler(tx, received) ?? null;
        if (answer !== null) return answer;
      } finally {
        handling.isOn = false;
      }
      moveTo(space, sender, message);
      if (hasFailed) forgetTried(space, sender);
      return null;
    });
    const stopped: Step = { message, kind: 'stopped', held: null, outcome };
    if (ran.kind === 'not-run' || (ran.kind === 'returned' && ran.value === outOfTurn)) return stopped;
    const refused = refusalIn(handling);
    if (refused !== null) {
      const isTooLarge = refused.reason === 'too-large';
      const why = isTooLarge ? 'it sends too large a message' : 'too much is on its way to where it sends a message';
      return this.#fail(sender, before, message, { why, isFinal: false });
    }
    if (ran.kind === 'threw') {
      if (isTrouble(ran.error)) return stopped;
      return this.#fail(sender, before, message, { why: String(ran.error), isFinal: false });
    }
    if (ran.value === null) return { message, kind: 'settled', held: null, outcome };
    if (ran.value.kind === 'later') return { message, kind: 'later', held: null, outcome };
    const { code, details } = ran.value;
    return this.#fail(sender, before, message, { why: `rejected: ${code} ${detailsText(details)}`, isFinal: true });
  }

  /** Notes that it failed; after enough attempts, or for a decided no, it is put aside and done with. */
  #fail(
    sender: string,
    before: MessageNumber,
    message: MessageInTransit,
    { why, isFinal }: { readonly why: string; readonly isFinal: boolean },
  ): Step {
    const { leading, settings } = this.#setup;
    const { ran, outcome }: Begun<Held | null | Rejection> = begin(leading, null, (tx): Held | null | Rejection => {
      const space = tx.system(channelName, 'local');
      if (!isSame(lastFrom(space, sender), before)) return outOfTurn;
      const attempts = (triedFrom(space, sender)?.attempts ?? 0) + 1;
      const isLast = isFinal || attempts >= settings.attemptsMax;
      const { generation, number, bytes } = message;
      const entry = { sender, number: { generation, number }, bytes, attempts, why, at: tx.now };
      if (isLast && this.#putAside(space, entry)) {
        const put: PutAside = { sender, attempts, why };
        tx.note(deadLetterTopic, put);
        return null;
      }
      noteTried(space, sender, { attempts, why });
      const retryInMs = Math.min(settings.retryMs * 2 ** Math.min(attempts - 1, 30), settings.retryMsMax);
      const isFull = isLast ? ', and there is no room for more dead letters' : '';
      return { why: `attempt ${attempts} of ${settings.attemptsMax} failed${isFull}: ${why}`, retryInMs };
    });
    if (ran.kind !== 'returned' || ran.value === outOfTurn) return { message, kind: 'stopped', held: null, outcome };
    const held = ran.value as Held | null;
    return { message, kind: held === null ? 'settled' : 'held', held, outcome };
  }

  #putAside(space: Space, entry: Parameters<typeof putAside>[1]): boolean {
    if (!putAside(space, entry, this.#setup.settings.deadLetterCountMax)) return false;
    moveTo(space, entry.sender, entry.number);
    forgetTried(space, entry.sender);
    return true;
  }

  /** What is durable. */
  #answer(sender: string, upTo: number, held: Held | null): ChannelAnswer {
    this.#waiting.get(sender)?.leave();
    this.#waiting.delete(sender);
    this.#retryAt.delete(sender);
    if (held === null) return { kind: 'taken', upTo, held };
    const { leading, name } = this.#setup;
    this.#retryAt.set(sender, { at: instantAfter(leading.ports.clock.now(), held.retryInMs), held });
    const about = { what: 'channel', key: `${name} ← ${sender}`, waitsFor: `number ${upTo + 1}: ${held.why}` };
    const wait = enterWhereRoom(leading, about);
    if (wait !== null) this.#waiting.set(sender, wait);
    return { kind: 'taken', upTo, held };
  }

  /** It stopped after that number. */
  #answerOf({ after }: ChannelBatch, upTo: number, end: Ended): ChannelAnswer {
    switch (end.kind) {
      case 'refused':
        return { kind: 'taken', upTo, held: { why: `its leader refuses: ${end.reason}`, retryInMs: soonMs } };
      case 'not-leader':
        return upTo > after.number ? { kind: 'taken', upTo, held: null } : end;
      case 'threw':
        if (upTo > after.number) return { kind: 'taken', upTo, held: null };
        throw end.error;
      default:
        return { kind: 'taken', upTo, held: { why: 'another batch came in between', retryInMs: soonMs } };
    }
  }
}

/** Not even a registry without room keeps messages from going on. */
export const enterWhereRoom = (
  { waits }: Pick<Leading, 'waits'>,
  about: { readonly what: string; readonly key: string; readonly waitsFor: string },
): WaitEntry | null => waits?.enterIfRoom({ ...about, withinMs: null }) ?? null;

/** This node's, not the handler's: nothing of it may be held against the message. */
const isTrouble = (error: unknown): boolean =>
  isLockstepError(error, 'corrupt') || isLockstepError(error, 'disk-failed') || isLockstepError(error, 'disk-full');

/** The compiler knows nothing of what the handler has changed. */
const refusalIn = ({ refusal }: Handling): Refused | null => refusal;

/** Why a message of which its handler cannot tell has no effect: its transaction was refused as a whole. Null: it was not. */
function whyImpossible({ kind }: Step, outcome: Ended): string | null {
  if (outcome.kind === 'refused') return outcome.reason === 'too-large' ? 'it writes more than the log takes' : null;
  if (kind !== 'stopped' || outcome.kind !== 'threw') return null;
  const { error } = outcome; // before its handler ran: where it is to go is no place
  return isPassing(error) || isTrouble(error) || isLockstepError(error, 'stopped') ? null : String(error);
}

const ended = (outcome: Promise<AnyOutcome>): Promise<Ended> =>
  outcome.catch((error: unknown): Ended => ({ kind: 'threw', error }));

function detailsText(details: unknown): string {
  try {
    return JSON.stringify(details) ?? '';
  } catch {
    return ''; // a bigint, a cycle: the code says enough
  }
}

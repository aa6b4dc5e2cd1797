/**
 * Messages to one partition that became durable lately, so that they need not be read from the state: a run without gaps.
 * What does not fit is left to the state, which has all of them.
 */
import type { OutboxLimits, OutMessage } from './outbox.ts';

export class RecentMessages {
  readonly #limits: OutboxLimits;
  readonly #messages: OutMessage[] = [];

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  /** It is durable, and so are all before it. */
  add(message: OutMessage): void {
    const messages = this.#messages;
    const [first, last] = [messages[0], messages.at(-1)];
    if (first !== undefined && last !== undefined) {
      if (message.number !== last.number + 1) return;
      const { countMax, bytesMax } = this.#limits;
      if (messages.length >= countMax || message.total - first.total >= bytesMax) return;
    }
    messages.push(message);
  }

  /** The next ones after that number, as `readOut` gives them; none where they are not known. Those before are forgotten. */
  after(number: number, { countMax, bytesMax }: OutboxLimits): readonly OutMessage[] {
    const messages = this.#messages;
    const [first] = messages;
    if (first === undefined) return [];
    messages.splice(0, Math.max(0, number + 1 - first.number));
    if (messages[0]?.number !== number + 1) return [];
    let bytesLeft = bytesMax;
    const tooMany = messages.findIndex(({ bytes }, index) => (bytesLeft -= bytes.length) < 0 && index > 0);
    return messages.slice(0, tooMany === -1 ? countMax : Math.min(tooMany, countMax));
  }
}

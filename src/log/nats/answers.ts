/**
 * Publishes that are answered, over one subscription: what the client's own `request` does, but for the error, with its stack,
 * that it makes for each request that succeeds, and a second timer.
 */
import { LockstepError } from '../../kernel/errors.ts';
import type { Timer, Timers } from '../../env/timers.ts';
import type { NatsConnection, NatsHeaders, NatsMessage } from './connection.ts';

interface Pending {
  readonly subject: string;
  readonly resolve: (message: NatsMessage) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: Timer;
}

export class Answers {
  readonly #connection: NatsConnection;
  readonly #timers: Timers;
  readonly #newInbox: () => string;
  /** Where answers arrive; subscribed with the first question. */
  #inbox: string | null = null;
  #count = 0;
  readonly #pending = new Map<string, Pending>();

  constructor(connection: NatsConnection, timers: Timers, newInbox: () => string) {
    this.#connection = connection;
    this.#timers = timers;
    this.#newInbox = newInbox;
  }

  /** Rejects with what the client throws, and when it is too late or the connection is lost. */
  ask(subject: string, payload: Uint8Array, headers: NatsHeaders, withinMs: number): Promise<NatsMessage> {
    return new Promise((resolve, reject) => {
      this.#inbox ??= this.#subscribed();
      const reply = `${this.#inbox}.${++this.#count}`;
      this.#connection.publish(subject, payload, { reply, headers });
      const onLate = (): void => this.#end(reply)?.reject(lost('no answer came in time', withinMs));
      this.#pending.set(reply, { subject, resolve, reject, timer: this.#timers.after(withinMs, onLate) });
    });
  }

  /** All that is under way, or what was sent to one subject, gets no answer any more. */
  fail(error: unknown, subject?: string): void {
    for (const [reply, one] of this.#pending) {
      if (subject === undefined || one.subject === subject) this.#end(reply)?.reject(error);
    }
  }

  #subscribed(): string {
    const inbox = this.#newInbox();
    const callback = (error: Error | null, message: NatsMessage): void => {
      if (error === null) return this.#end(message.subject)?.resolve(message);
      if (this.#inbox === inbox) this.#inbox = null; // not allowed, say: the next question tries again
      this.fail(error);
    };
    this.#connection.subscribe(`${inbox}.*`, { callback });
    return inbox;
  }

  #end(reply: string): Pending | undefined {
    const one = this.#pending.get(reply);
    this.#pending.delete(reply);
    one?.timer.cancel();
    return one;
  }
}

const lost = (message: string, withinMs: number): LockstepError =>
  new LockstepError('unknown', message, { values: { withinMs } });

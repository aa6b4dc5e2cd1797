/** How messages reach whoever leads another partition. The port; within one process `partitions.ts` implements it. */
import type { MessageNumber } from './message.ts';

export interface MessageInTransit extends MessageNumber {
  readonly bytes: Uint8Array;
}

export interface ChannelBatch {
  /** The identity of the sending partition: 16 hexadecimal digits. */
  readonly sender: string;
  /** The last one before these: the receiver has said that it has it. */
  readonly after: MessageNumber;
  /** In order, numbers without gaps. At least one. */
  readonly messages: readonly MessageInTransit[];
}

export type ChannelAnswer =
  /** All up to this number took effect, or were put aside, for good. `held`: why the next one did not, and when to come again. */
  | { readonly kind: 'taken'; readonly upTo: number; readonly held: Held | null }
  /** The receiver has never seen what it is said to have: it is another partition, or lost what it had. */
  | { readonly kind: 'gap'; readonly has: MessageNumber }
  | { readonly kind: 'not-leader'; readonly leader: string | null };

export interface Held {
  readonly why: string;
  readonly retryInMs: number;
}

export interface ChannelTransport {
  /**
   * Hands a batch to whoever leads partition `to`. May be called again with the same or other parts of it, and may be
   * late or lost: the receiver knows what it has.
   * @throws LockstepError `unavailable` or `unknown` when there is no answer; the signal's reason.
   */
  deliver(to: number, batch: ChannelBatch, signal: AbortSignal): Promise<ChannelAnswer>;
}

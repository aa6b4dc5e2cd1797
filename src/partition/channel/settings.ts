/** Settings of channels. Plain numbers, in milliseconds, bytes and counts. */
import { LockstepError } from '../../kernel/errors.ts';

export interface ChannelSettings {
  /** Messages on their way from one partition to another, at most: then transactions that send are refused as `full`. Default 10,000. */
  readonly outboxCountMax: number;
  /** The same, in bytes. Default 16 MiB. */
  readonly outboxBytesMax: number;
  /** The largest message; at most a quarter of what the log takes. Default 256 KiB. */
  readonly messageBytesMax: number;
  /** So many are handed over at a time, one batch in flight. More is faster, and holds the receiver's loop longer. Default 256. */
  readonly batchCountMax: number;
  /** A batch ends at about this size. Default 512 KiB. */
  readonly batchBytesMax: number;
  /** A batch that was not answered for so long is handed over again. Default 10,000. */
  readonly deliverMs: number;
  /** Between attempts to hand over: at random up to this, and up to twice as much each time. Default 20. */
  readonly pauseMs: number;
  /** But never more than this. Default 2,000. */
  readonly pauseMsMax: number;
  /** How often a handler that fails is tried before the message is put aside. Default 5. */
  readonly attemptsMax: number;
  /** Between those: this, and twice as much each time. Default 100. */
  readonly retryMs: number;
  /** But never more than this. Default 10,000. */
  readonly retryMsMax: number;
  /** So many dead letters are kept by a partition; at the limit what fails waits, and what is behind it. Default 10,000. */
  readonly deadLetterCountMax: number;
}

export const channelDefaults: ChannelSettings = Object.freeze({
  outboxCountMax: 10_000,
  outboxBytesMax: 16 * 1024 * 1024,
  messageBytesMax: 256 * 1024,
  batchCountMax: 256,
  batchBytesMax: 512 * 1024,
  deliverMs: 10_000,
  pauseMs: 20,
  pauseMsMax: 2_000,
  attemptsMax: 5,
  retryMs: 100,
  retryMsMax: 10_000,
  deadLetterCountMax: 10_000,
});

/** @throws LockstepError `misuse` for a setting that is none. */
export function channelSettings(changes: Partial<ChannelSettings> = {}): ChannelSettings {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in channelDefaults))
      throw new LockstepError('misuse', 'channels have no such setting', { values: { name } });
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
      throw new LockstepError('misuse', 'a setting of channels is a whole number above 0', {
        values: { [name]: value },
      });
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return Object.freeze({ ...channelDefaults, ...given });
}

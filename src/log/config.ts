/** Settings of the engines with a conditional append. Plain numbers, in milliseconds and bytes; the defaults suit one network. */
import { LockstepError } from '../kernel/errors.ts';

export interface LogConfig {
  /**
   * Who wants to lead waits until the log has not grown for this long, by its own monotonic clock. Longer: a holder is
   * deposed later. Shorter: an idle holder is deposed more often, which costs it its place and nothing else. Default 5,000.
   */
  readonly silenceMs: number;
  /** Then it pauses at random, up to this, so that of several one is first. At most `silenceMs`. Default 1,000. */
  readonly pauseMsMax: number;
  /** An append, a claim or any other call is given up after this: the deadline of a doubt. Default 10,000. */
  readonly settleMsMax: number;
  /** A call to the store that has not answered after this is sent again. At most `settleMsMax`. Default 2,000. */
  readonly attemptMsMax: number;
  /** A reader gets batches of about so many bytes; that is also what it holds. Default 1 MiB. */
  readonly batchBytesMax: number;
}

export const logDefaults: LogConfig = Object.freeze({
  silenceMs: 5_000,
  pauseMsMax: 1_000,
  settleMsMax: 10_000,
  attemptMsMax: 2_000,
  batchBytesMax: 1_048_576,
});

/** @throws LockstepError `misuse` for numbers that are none, or that do not agree. */
export function logConfig(changes: Partial<LogConfig> = {}): LogConfig {
  const config = { ...logDefaults, ...changes };
  for (const [name, value] of Object.entries(config)) {
    if (!(Number.isFinite(value) && value > 0))
      throw new LockstepError('misuse', 'a setting of a log is a number above 0', { values: { [name]: value } });
  }
  const { pauseMsMax, silenceMs, attemptMsMax, settleMsMax } = config;
  if (pauseMsMax > silenceMs)
    throw new LockstepError('misuse', 'a pause is not longer than a silence', { values: { pauseMsMax, silenceMs } });
  if (attemptMsMax > settleMsMax)
    throw new LockstepError('misuse', 'an attempt ends before its deadline', { values: { attemptMsMax, settleMsMax } });
  return Object.freeze(config);
}

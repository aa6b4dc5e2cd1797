/** What a handler takes at most, so that no request costs more than it may. */
import { LockstepError } from '../kernel/errors.ts';

export interface HandlerLimits {
  /** Of a request's body. Default 1 MiB; above it 413. */
  readonly bodyBytesMax: number;
  /** Of all headers together. Default 16 KiB; above it 431. */
  readonly headerBytesMax: number;
  /** For how long a body may take to arrive, in milliseconds. Default 10,000; then 408. */
  readonly bodyMsMax: number;
  /** For how long a command or a query is tried, in milliseconds, whatever the sender asks for. Default 30,000. */
  readonly answerMsMax: number;
  /** Event streams at once. Default 10,000; above it 503. */
  readonly streamsMax: number;
  /** What an event stream holds that was not taken yet. Default 64 KiB and one event; then it reads no further. */
  readonly streamBytesMax: number;
  /** An event stream in which nothing happens says so as often, in milliseconds. Default 15,000. */
  readonly heartbeatMs: number;
  /** Events of one page. Default 1,000. */
  readonly pageMax: number;
}

export const handlerLimitsDefault: HandlerLimits = Object.freeze({
  bodyBytesMax: 1_048_576,
  headerBytesMax: 16_384,
  bodyMsMax: 10_000,
  answerMsMax: 30_000,
  streamsMax: 10_000,
  streamBytesMax: 65_536,
  heartbeatMs: 15_000,
  pageMax: 1_000,
});

/** @throws LockstepError `misuse` for a limit that is no whole number above 0. */
export function handlerLimits(changes: Partial<HandlerLimits> = {}): HandlerLimits {
  const limits = { ...handlerLimitsDefault, ...changes };
  for (const [limit, value] of Object.entries(limits))
    if (!(Number.isSafeInteger(value) && value > 0))
      throw new LockstepError('misuse', 'a limit is a whole number above 0', { values: { limit, value } });
  return Object.freeze(limits);
}

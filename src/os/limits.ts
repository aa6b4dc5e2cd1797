/**
 * The limits of the real world, one flat list: numbers only. All have defaults that suit a server; `hostLimits` merges
 * changes into them and checks them once.
 */
import { availableParallelism } from 'node:os';
import { LockstepError } from '../kernel/errors.ts';

export interface HostLimits {
  /**
   * Threads that run jobs. Default: one less than the machine has cores, at least 2: with one alone a short job, as the
   * flush that writers wait for, waits for a long one, as a compaction. More help only with more cores.
   */
  readonly jobThreadCount: number;
  /** Jobs that may wait for a thread; a further one is `overloaded`. Each holds a copy of its input. Default 1,024. */
  readonly jobWaitingCountMax: number;
  /** Streams that stand at once, accepted and connected; a further one is `overloaded`, or cut off when accepted. Default 4,096. */
  readonly streamCountMax: number;
  /**
   * Bytes of a stream that wait to be sent before `send` answers `full`; one frame may go over it. At least 64 KiB.
   * Default 1 MiB. More helps on long fat lines, and costs memory for each stream whose peer is slow.
   */
  readonly streamSendBytesMax: number;
  /** Bytes of a stream that have arrived and were not asked for, before its sender is held back; one chunk may go over it. Default 1 MiB. */
  readonly streamReceiveBytesMax: number;
  /** How long a closed stream may take to send what is queued, in milliseconds; then it breaks. Default 10,000. */
  readonly streamCloseMsMax: number;
  /** How long a stream may be silent before the system asks whether the other end still lives, in milliseconds; about 10 s more pass until it breaks. Default 10,000. */
  readonly streamProbeAfterMs: number;
}

export function hostLimits(changes: { readonly [K in keyof HostLimits]?: HostLimits[K] | undefined } = {}): HostLimits {
  const limits: HostLimits = {
    jobThreadCount: changes.jobThreadCount ?? Math.max(2, availableParallelism() - 1),
    jobWaitingCountMax: changes.jobWaitingCountMax ?? 1_024,
    streamCountMax: changes.streamCountMax ?? 4_096,
    streamSendBytesMax: changes.streamSendBytesMax ?? 1024 * 1024,
    streamReceiveBytesMax: changes.streamReceiveBytesMax ?? 1024 * 1024,
    streamCloseMsMax: changes.streamCloseMsMax ?? 10_000,
    streamProbeAfterMs: changes.streamProbeAfterMs ?? 10_000,
  };
  for (const [limit, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new LockstepError('misuse', 'a limit is a whole number of at least 1', { values: { limit, value } });
    }
  }
  if (limits.streamSendBytesMax < 65_536) {
    // Below Node's own mark a stream would answer `full` and never be told that there is room again.
    throw new LockstepError('misuse', 'a stream queues at least 64 KiB', {
      values: { streamSendBytesMax: limits.streamSendBytesMax },
    });
  }
  return Object.freeze(limits);
}

/** What a journal is opened with, its limits, and what it answers. */
import type { Ports } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import { groupBytes } from './group.ts';
import type { JournalPosition } from './position.ts';
import type { JournalCut, JournalReading } from './recovery.ts';
import { checkFiles, type JournalFiles } from './segment-files.ts';
import { originBytesMax, segmentHeaderBytes } from './segment-header.ts';

export type JournalPorts = Pick<Ports, 'disk' | 'timers' | 'clock' | 'randomness'>;

export interface JournalOptions extends JournalFiles {
  /** Makes the journal if there is none; otherwise opening answers null then. */
  readonly create: boolean;
  /** What the owner keeps in every segment's header, up to 4,012 bytes. Used when the journal is created. Default: nothing. */
  readonly origin?: Uint8Array | undefined;
  /** Of the first entry of a journal that is created. Default 1. */
  readonly firstPosition?: number | undefined;
  /**
   * Run after a group was synced and before it is acknowledged; false: it must not be, the owner has lost the right.
   * The journal is finished then, and everything that waits is answered `refused`.
   */
  readonly confirm?: (() => boolean) | undefined;
  /**
   * When an append is answered. `machine`: once it is synced. `process`: once it is written, so that it survives the end
   * of this process; what the machine loses with its power is a last part, never more than `syncBehindBytes` twice
   * and what came within `syncBehindMs`. Default `machine`.
   */
  readonly durability?: JournalDurability | undefined;
  /** What of it is read when it is opened. `end` is for a journal that is never cut. Default `whole`. */
  readonly reading?: JournalReading | undefined;
  readonly limits?: Partial<JournalLimits> | undefined;
}

export type JournalDurability = 'process' | 'machine';

export interface JournalLimits {
  /** Of a segment's file. Trimming is by whole segments. */
  readonly segmentBytes: number;
  /** The most that one write and one sync carry, and so the largest append: entries and 8 bytes each. */
  readonly groupBytesMax: number;
  /** Appended and not yet acknowledged, over which `append` answers `full`. */
  readonly waitingBytesMax: number;
  /** Trimmed segments that are kept to be used again. */
  readonly spareCountMax: number;
  /** How long after the last entry was acknowledged an idle writer adds its mark. */
  readonly markAfterMs: number;
  /** With durability `process`: written and not synced, over which a sync begins; at twice as much appends wait for it. */
  readonly syncBehindBytes: number;
  /** With durability `process`: how long after a write a sync begins at the latest. */
  readonly syncBehindMs: number;
}

export const journalLimits: JournalLimits = Object.freeze({
  segmentBytes: 64 * 1024 * 1024,
  groupBytesMax: 4 * 1024 * 1024,
  waitingBytesMax: 16 * 1024 * 1024,
  spareCountMax: 2,
  markAfterMs: 400,
  syncBehindBytes: 8 * 1024 * 1024,
  syncBehindMs: 500,
});

/** @throws LockstepError `misuse` for limits that do not go together, and for an origin that has no room. */
export function checkOptions(options: JournalOptions): JournalLimits {
  checkFiles(options);
  const limits = { ...journalLimits, ...options.limits };
  const { segmentBytes, groupBytesMax, waitingBytesMax, spareCountMax, markAfterMs } = limits;
  const { syncBehindBytes, syncBehindMs } = limits;
  const whole = [segmentBytes, groupBytesMax, waitingBytesMax, spareCountMax].every((one) => Number.isSafeInteger(one));
  const fits = segmentHeaderBytes + groupBytes(groupBytesMax) <= segmentBytes && segmentBytes < 2 ** 32;
  if (
    !whole ||
    !fits ||
    groupBytesMax < 1 ||
    waitingBytesMax < groupBytesMax ||
    spareCountMax < 0 ||
    !(markAfterMs >= 0 && syncBehindBytes >= 0 && syncBehindMs >= 0)
  ) {
    throw new LockstepError('misuse', 'limits of a journal do not go together', {
      values: { ...limits },
      advice: ['a group fits a segment behind its 4,096 bytes of header; a group fits what may wait'],
    });
  }
  const originBytes = options.origin?.length ?? 0;
  const firstPosition = options.firstPosition ?? 1;
  if (originBytes > originBytesMax || !(Number.isSafeInteger(firstPosition) && firstPosition >= 1)) {
    throw new LockstepError('misuse', 'the origin or the first position of a journal is out of bounds', {
      values: { originBytes, originBytesMax, firstPosition },
    });
  }
  return Object.freeze(limits);
}

export type AppendOutcome =
  /** As durable as asked for, with everything before it. One entry: `first` and `last` are the same. */
  | { readonly kind: 'appended'; readonly first: JournalPosition; readonly last: JournalPosition }
  /** Nothing was taken: too much waits. Wait for `room`. */
  | { readonly kind: 'full' }
  /** `confirm` said no: it may be in the files, and must not count. The journal is finished. */
  | { readonly kind: 'refused' };

/** What opening found. */
export interface JournalRecovery {
  readonly created: boolean;
  /** The torn end that was left out, if there was one: never anything acknowledged that a mark stood behind. */
  readonly cut: JournalCut | null;
}

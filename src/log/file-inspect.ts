/**
 * What the files of a log say, for a person who looks at them: claims, epochs, segments, marks, damage. Reads and
 * verifies everything, changes nothing, and goes on behind damage as far as it can. Made for `lockstep log inspect`.
 */
import type { Disk } from '../env/disk.ts';
import type { Ownership } from '../env/ownership.ts';
import { isLockstepError } from '../kernel/errors.ts';
import { recover, type JournalCut } from '../wal/recovery.ts';
import { decodeOrigin, epochFiles, listLog, readIdentity } from './file-format.ts';
import { beaconPath, OwnerRecords } from './file-owner-records.ts';
import type { Epoch, LogId, Position } from './port.ts';

export interface SegmentInspection {
  readonly path: string;
  readonly groupCount: number;
  readonly entryCount: number;
  readonly markCount: number;
  /** Where its groups end, and how large the file is, in bytes. */
  readonly end: number;
  readonly size: number;
}

export interface EpochInspection {
  readonly epoch: Epoch;
  /** The epoch that it goes on from, and up to which position; null when its segments cannot be read. */
  readonly before: { readonly epoch: Epoch; readonly upTo: Position } | null;
  /** Its records, claim included; null when it has none that can be read. */
  readonly first: number | null;
  readonly last: number | null;
  readonly segments: readonly SegmentInspection[];
  /** A group at its end that is torn: nobody was told of it. */
  readonly torn: JournalCut | null;
  /** What is not as it was written, in words with path and offset. */
  readonly damage: string | null;
}

export interface LogInspection {
  readonly id: LogId | null;
  readonly claims: readonly Epoch[];
  readonly epochs: readonly EpochInspection[];
  /** Names in the directory that are no part of a log. */
  readonly foreign: readonly string[];
  readonly damage: string | null;
}

/** Null if there is no log in the directory. @throws LockstepError `disk-failed` for what the disk refuses. */
export async function inspectFileLog(disk: Disk, directory: string): Promise<LogInspection | null> {
  const listing = listLog(disk, directory);
  if (listing === null || (!listing.hasIdentity && listing.epochs.length === 0)) return null;
  const { value: id, damage } = await attempt(async () => readIdentity(disk, directory));
  const epochs: EpochInspection[] = [];
  for (const epoch of listing.epochs) epochs.push(await inspectEpoch(disk, directory, epoch));
  return { id, claims: listing.claims, epochs, foreign: listing.foreign, damage };
}

async function inspectEpoch(disk: Disk, directory: string, epoch: Epoch): Promise<EpochInspection> {
  const counts = new Map<string, { groupCount: number; entryCount: number; markCount: number; end: number }>();
  const { value: recovered, damage } = await attempt(() =>
    recover(disk, epochFiles(directory, epoch), {
      onGroup: (segment, group) => {
        const counted = counts.get(segment.path) ?? { groupCount: 0, entryCount: 0, markCount: 0, end: 0 };
        counted.groupCount++;
        counted.entryCount += group.entryCount;
        if (group.kind === 'mark') counted.markCount++;
        counted.end = segment.end;
        counts.set(segment.path, counted);
      },
    }),
  );
  const segments = [...counts].map(([path, counted]) => ({ path, ...counted, size: disk.stat(path)?.size ?? 0 }));
  const entryCount = segments.reduce((sum, segment) => sum + segment.entryCount, 0);
  if (recovered === null) return { epoch, before: null, first: null, last: null, segments, torn: null, damage };
  const { map, cut } = recovered;
  const origin = await attempt(async () => decodeOrigin(map.last.header.origin, map.last.path));
  return {
    epoch,
    before: origin.value === null ? null : { epoch: origin.value.before, upTo: origin.value.upTo },
    first: entryCount === 0 ? null : map.first,
    last: entryCount === 0 ? null : map.nextPosition - 1,
    segments,
    torn: cut,
    damage: origin.damage,
  };
}

/** Who has a directory of logs, or had it last, for people: null when nobody does. */
export async function inspectOwner(disk: Disk, ownership: Ownership, directory: string): Promise<string | null> {
  const { owner } = new OwnerRecords(disk, directory).newest();
  if (owner === null) return null;
  const state = await ownership.look(beaconPath(directory, owner.token), owner);
  const who = `process ${owner.pid} on ${owner.host} since ${owner.since}`;
  if (state === 'ended') return `the directory was last held by ${who}, which ended without closing it`;
  return `the directory is held by ${who}, which ${state === 'runs' ? 'runs' : 'may still run'}`;
}

/** Damage is what is looked for, so it is an answer here; a disk that refuses is not. */
async function attempt<T>(
  look: () => Promise<T>,
): Promise<{ readonly value: T; readonly damage: null } | { readonly value: null; readonly damage: string }> {
  try {
    return { value: await look(), damage: null };
  } catch (error) {
    if (!isLockstepError(error, 'corrupt') && !isLockstepError(error, 'invalid')) throw error;
    return { value: null, damage: `${error.kind}: ${error.message}` };
  }
}

/** A log as text: a line for it, for each epoch, for each segment; damage where it is. */
export function printInspection(name: string, log: LogInspection): string {
  const lines = [`${name}  log ${log.id ?? 'without a readable identity'}, ${count(log.epochs.length, 'epoch')}`];
  if (log.damage !== null) lines.push(indented(log.damage, '  '));
  for (const epoch of log.epochs) {
    const from =
      epoch.before === null || epoch.before.epoch === 0
        ? ''
        : `, goes on from epoch ${epoch.before.epoch} after ${epoch.before.upTo}`;
    const readable = epoch.segments.reduce((sum, segment) => sum + segment.entryCount, 0);
    const records =
      epoch.first !== null
        ? `records ${epoch.first} to ${epoch.last}`
        : readable === 0
          ? 'no records'
          : `${count(readable, 'record')} before what is damaged`;
    lines.push(`  epoch ${epoch.epoch}  ${records}${from}`);
    for (const { path, groupCount, markCount, end, size } of epoch.segments) {
      lines.push(`    ${path}  ${count(groupCount, 'group')}, ${count(markCount, 'mark')}, ${end} of ${size} bytes`);
    }
    if (epoch.torn !== null)
      lines.push(
        `    torn end at ${epoch.torn.offset} of ${epoch.torn.file}, ${epoch.torn.bytes} bytes: left out when opened`,
      );
    if (epoch.damage !== null) lines.push(indented(epoch.damage, '    '));
  }
  const unused = log.claims.filter((claim) => !log.epochs.some(({ epoch }) => epoch === claim));
  if (unused.length > 0) lines.push(`  claimed and never written: ${unused.join(', ')}`);
  if (log.foreign.length > 0) lines.push(`  no part of a log: ${log.foreign.join(', ')}`);
  return lines.join('\n');
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
const indented = (text: string, by: string): string => text.replaceAll(/^/gm, by);

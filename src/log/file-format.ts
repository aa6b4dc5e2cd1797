/**
 * What the file engine writes besides records, and how its files are called. A log is a directory:
 *
 *     identity                  32 bytes: whose log it is; durable before the first claim
 *     claim-<epoch>             empty; who created it, alone, claims that epoch
 *     epoch-<epoch>-<n>.seg     the epoch's journal (docs/wal.md), written by the claim's holder alone
 *     removing                  empty: the log was given up, what else is here is on its way out
 *
 * The origin in an epoch's segments names the epoch before it and the place at which that one ends: what it holds
 * beyond is not in the log. Epochs that no newer one names are not in the log either.
 */
import type { Disk } from '../env/disk.ts';
import { syncUpwards } from '../env/path.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { assert } from '../kernel/assert.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { JournalPlace } from '../wal/recovery.ts';
import type { JournalFiles } from '../wal/segment-files.ts';
import { getUint32, getUint64, putUint32, putUint64 } from '../bytes/little-endian.ts';
import { hexAt, putHex } from './chain.ts';
import { epoch, position } from './coordinates.ts';
import type { Epoch, LogId, Position } from './port.ts';

const formatVersion = 1;
const identityBytes = 32;
const originBytes = 60;
const magic: readonly number[] = [...'LKSTPLOG'].map((letter) => letter.charCodeAt(0));

const digits = (number: number): string => String(number).padStart(10, '0');
export const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);
export const claimName = (of: Epoch): string => `claim-${digits(of)}`;
export const epochFiles = (directory: string, of: Epoch): JournalFiles => ({
  directory,
  prefix: `epoch-${digits(of)}`,
});

/** Where an epoch begins: the log up to and with `upTo`, as epoch `before` has it up to `end`. Epoch 0 is before the first. */
export interface Origin {
  readonly id: LogId;
  readonly before: Epoch;
  readonly end: JournalPlace;
  readonly upTo: Position;
}

export function encodeOrigin({ id, before, end, upTo }: Origin): Uint8Array {
  const bytes = new Uint8Array(originBytes);
  putUint32(bytes, 0, formatVersion);
  putHex(bytes, 4, id);
  for (const [index, number] of [before, end.segment, end.offset, upTo].entries()) {
    putUint64(bytes, 20 + index * 8, number);
  }
  return bytes;
}

/** @throws LockstepError `invalid` for one of another format. Damage was met before, by the segment's own check. */
export function decodeOrigin(bytes: Uint8Array, path: string): Origin {
  if (bytes.length !== originBytes || getUint32(bytes, 0) !== formatVersion)
    throw new LockstepError('invalid', 'a segment is none of a log, or has another format', {
      values: { path, offset: 80, originBytes: bytes.length },
      advice: ['open it with the version of the program that wrote it'],
    });
  const number = (index: number): number => getUint64(bytes, 20 + index * 8);
  return {
    id: hexAt(bytes, 4) as LogId,
    before: epoch(number(0)),
    end: { segment: number(1), offset: number(2) },
    upTo: position(number(3)),
  };
}

const isOwnName = (name: string): boolean => name === 'identity' || name === 'removing' || isDraft(name);
/** An identity that is not known to be the log's. */
export const isDraft = (name: string): boolean => /^identity-[0-9a-f]{32}\.draft$/.test(name);

export interface Listing {
  readonly claims: readonly Epoch[];
  readonly epochs: readonly Epoch[];
  readonly hasIdentity: boolean;
  readonly isGoing: boolean;
  /** All of our files, spares and drafts too, with the epoch that they belong to (0: none). */
  readonly files: readonly { readonly name: string; readonly epoch: number }[];
  /** Names that are not ours. */
  readonly foreign: readonly string[];
}

/** What stands in the directory, each kind in the order of its numbers; null if there is no such directory. */
export function listLog(disk: Disk, directory: string): Listing | null {
  const entries = disk.list(directory);
  if (entries === null) return null;
  const [claims, epochs] = [new Set<Epoch>(), new Set<Epoch>()];
  const files: { name: string; epoch: number }[] = [];
  const foreign: string[] = [];
  for (const { name, kind } of entries) {
    const match = /^(?:claim-(\d{10,15})|epoch-(\d{10,15})-\d{10,15}\.(seg|spare))$/.exec(name);
    const known = match !== null || isOwnName(name);
    if (!known || kind !== 'file') {
      foreign.push(name);
      continue;
    }
    if (match?.[1] !== undefined) claims.add(epoch(Number(match[1])));
    if (match?.[3] === 'seg') epochs.add(epoch(Number(match[2])));
    files.push({ name, epoch: Number(match?.[2] ?? 0) });
  }
  const names = new Set(files.map(({ name }) => name));
  return {
    claims: [...claims].toSorted((a, b) => a - b),
    epochs: [...epochs].toSorted((a, b) => a - b),
    hasIdentity: names.has('identity'),
    isGoing: names.has('removing'),
    files: files.toSorted((a, b) => a.epoch - b.epoch),
    foreign,
  };
}

/** The directory is there from the log's making to its removal. */
export function listOpenLog(disk: Disk, directory: string): Listing {
  const listing = listLog(disk, directory);
  if (listing !== null) return listing;
  throw new LockstepError('disk-failed', 'the directory of a log is gone', { values: { path: directory } });
}

/** The id of the log in a directory. @throws LockstepError `corrupt` or `invalid`, with path and offset. */
export function readIdentity(disk: Disk, directory: string): LogId | null {
  const path = join(directory, 'identity');
  const file = disk.open(path, 'read');
  if (file === null) return null;
  const bytes = new Uint8Array(identityBytes);
  const count = file.read(bytes, 0);
  file.close();
  const whole = count === identityBytes;
  if (!whole || magic.some((byte, at) => bytes[at] !== byte) || getUint32(bytes, 28) !== crc32c(bytes, 0, 28))
    throw new LockstepError('corrupt', 'the identity of a log is not what was written', {
      values: { path, offset: 0 },
    });
  if (getUint32(bytes, 8) !== formatVersion)
    throw new LockstepError('invalid', 'a log has another version of the format', {
      values: { path, offset: 8, version: getUint32(bytes, 8), supported: formatVersion },
      advice: ['open it with the version of the program that wrote it'],
    });
  return hexAt(bytes, 12) as LogId;
}

/** Makes the directory a log with this id, unless somebody else did so first. Durable when it resolves, with all names above. */
export async function writeIdentity(disk: Disk, directory: string, id: LogId): Promise<void> {
  disk.makeDirectory(directory);
  const bytes = new Uint8Array(identityBytes);
  bytes.set(magic);
  putUint32(bytes, 8, formatVersion);
  putHex(bytes, 12, id);
  putUint32(bytes, 28, crc32c(bytes, 0, 28));
  const draft = join(directory, `identity-${id}.draft`);
  const file = disk.open(draft, 'create');
  assert(file !== null, 'an id is made once');
  try {
    file.write(bytes, 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.link(draft, join(directory, 'identity'));
  await disk.remove(draft);
  await syncUpwards(disk, directory);
}

/** Removes what a log left behind. A crash in between leaves less of it, and the mark that says what this is. */
export async function clearLog(disk: Disk, directory: string, listing: Listing): Promise<void> {
  const last = new Set(['identity', 'removing']);
  for (const { name } of listing.files) if (!last.has(name)) await disk.remove(join(directory, name));
  if (listing.hasIdentity) await disk.remove(join(directory, 'identity'));
  await disk.syncDirectory(directory);
  if (!listing.isGoing) return;
  await disk.remove(join(directory, 'removing'));
  await disk.syncDirectory(directory);
}

/** Contents: where they come from, and the check that every byte that is stored or read goes through. */
import type { Disk } from '../env/disk.ts';
import { LockstepError } from '../kernel/errors.ts';
import { ContentHash, hashIn, type FileName } from './file-name.ts';
import type { Content } from './port.ts';

/** Between two of these other work may run: so many bytes are hashed in about two milliseconds. */
export const pieceBytes = 262_144;

/** Bytes that are in memory. */
export async function* contentOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/**
 * A file of a disk, read off the thread in pieces.
 * @throws LockstepError `unavailable` when it is not there (any more).
 */
export async function* contentOfFile(disk: Disk, path: string): AsyncGenerator<Uint8Array, void> {
  const file = disk.open(path, 'read');
  if (file === null) throw new LockstepError('unavailable', 'the file is not there any more', { values: { path } });
  try {
    for (let at = 0, size = file.size(); at < size;) {
      const piece = new Uint8Array(Math.min(pieceBytes, size - at));
      const count = await file.load(piece, at);
      if (count === 0) break; // cut meanwhile: whoever checks the hash says so
      yield piece.subarray(0, count);
      at += count;
    }
  } finally {
    file.close();
  }
}

/** The same pieces; throws `corrupt` instead of ending if they are not what the name says. */
export async function* verified(name: FileName, content: Content, where: string): AsyncGenerator<Uint8Array, void> {
  const hash = new ContentHash();
  let byteCount = 0;
  for await (const piece of content) {
    hash.update(piece);
    byteCount += piece.length;
    yield piece;
  }
  const found = hash.name();
  if (found === hashIn(name)) return;
  throw new LockstepError('corrupt', 'the content of a file is not what its name says', {
    values: { name, where, found, byteCount },
  });
}

/**
 * All of it in one array, for what is small.
 * @throws LockstepError `overloaded` as soon as it is more than `byteCountMax`.
 */
export async function bytesOf(content: Content, byteCountMax: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let byteCount = 0;
  for await (const piece of content) {
    byteCount += piece.length;
    if (byteCount > byteCountMax) {
      throw new LockstepError('overloaded', 'the content is larger than expected', { values: { byteCountMax } });
    }
    pieces.push(piece);
  }
  return joined(pieces, byteCount);
}

export function joined(pieces: readonly Uint8Array[], byteCount: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteCount);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

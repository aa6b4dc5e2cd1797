/**
 * Names of files: the SHA-256 of the content, and what sort of file it is. A name is thus a checksum that everybody
 * can check, and two who store the same content store one file.
 */
import { hexOf, Sha256 } from '../bytes/sha256.ts';
import type { Brand } from '../kernel/brand.ts';
import { LockstepError } from '../kernel/errors.ts';

/** 64 hexadecimal digits, and perhaps a dot and a word of a-z, 0-9 and `-` that says what it is: `….sst`. */
export type FileName = Brand<string, 'FileName'>;

const shape = /^[0-9a-f]{64}(?:\.[a-z0-9-]{1,32})?$/;

export const isFileName = (text: string): text is FileName => shape.test(text);

/** @throws LockstepError `misuse` for what is no name. */
export function fileName(text: string): FileName {
  if (isFileName(text)) return text;
  throw new LockstepError('misuse', 'a file of a checkpoint store is named by the SHA-256 of its content', {
    values: { name: text },
    advice: ['take the name from `contentName`, or from a `ContentHash`'],
  });
}

/** The name of a content that comes in pieces, while it is written elsewhere. */
export class ContentHash {
  readonly #hash: Sha256 = new Sha256();

  update(piece: Uint8Array): this {
    this.#hash.update(piece);
    return this;
  }

  /** Ends it. `sort` is the part behind the dot; none if it is empty. */
  name(sort = ''): FileName {
    const hash = hexOf(this.#hash.digest());
    return fileName(sort === '' ? hash : `${hash}.${sort}`);
  }
}

export const contentName = (bytes: Uint8Array, sort = ''): FileName => new ContentHash().update(bytes).name(sort);

/** The hash that a name holds, in hexadecimal digits. */
export const hashIn = (name: FileName): string => name.slice(0, 64);

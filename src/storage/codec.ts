/**
 * Compression of blocks, by a library of the user's choice. It works at once, on bytes, and must give the same on the
 * thread of a job, which finds it again by the module and the name under which it is exported.
 */
import { LockstepError } from '../kernel/errors.ts';

export interface BlockCodec {
  /** Stands in every table that it wrote: unchanging, and another one for what reads nothing of the former. */
  readonly name: string;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  /** The `count` bytes that `compress` was given. */
  readonly decompress: (bytes: Uint8Array, count: number) => Uint8Array;
}

/** Plain data that leads to a codec, for what goes to another thread. */
export interface CodecPlace {
  /** `import.meta.url` of the module, or what `import()` makes of a package's name. */
  readonly module: string;
  /** Under which name the module exports it. */
  readonly name: string;
}

/** @throws LockstepError `misuse` when the module exports no such codec; what importing it throws. */
export async function loadCodec({ module, name }: CodecPlace): Promise<BlockCodec> {
  const exported: Readonly<Record<string, unknown>> = await import(module);
  const found = exported[name];
  if (isCodec(found)) return found;
  throw new LockstepError('misuse', 'the module exports no codec of this name', {
    values: { module, name },
    advice: ['export an object with name, compress and decompress'],
  });
}

const isCodec = (value: unknown): value is BlockCodec =>
  typeof value === 'object' &&
  value !== null &&
  'name' in value &&
  typeof value.name === 'string' &&
  'compress' in value &&
  typeof value.compress === 'function' &&
  'decompress' in value &&
  typeof value.decompress === 'function';

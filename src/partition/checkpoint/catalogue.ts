/**
 * What a checkpoint store holds of a partition: the catalogue, a small file that the store's pointer leads to. It is JSON,
 * so that people can read it; its name is its checksum.
 */
import { LockstepError } from '../../kernel/errors.ts';
import { isFileName, type FileName } from '../../checkpoint/file-name.ts';

/** A checkpoint of a partition, but for its files. */
export interface CheckpointAbout {
  /** Of the partition: 16 hexadecimal digits. */
  readonly partition: string;
  readonly generation: number;
  /** All up to it is there, and nothing above. */
  readonly revision: number;
  /** The log that led to it, the place in it to read on from, and the chain there. */
  readonly log: string;
  readonly position: number;
  readonly chain: string;
  /** Not before the partition's time at that revision. */
  readonly time: number;
  /** What reads it must know at least: see `formatLevel`. */
  readonly level: number;
}

export interface KeptFile {
  /** In the tree's directory. */
  readonly name: string;
  readonly bytes: number;
  /** In the store. */
  readonly file: FileName;
}

export interface KeptCheckpoint extends CheckpointAbout {
  readonly files: readonly KeptFile[];
}

const format = 'lockstep-partition-checkpoints';
const formatVersion = 1;
export const catalogueBytesMax: number = 256 * 1024 * 1024;

/** Newest first. */
export function encodeCatalogue(kept: readonly KeptCheckpoint[]): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ format, version: formatVersion, kept }, null, 1)}\n`);
}

/** @throws LockstepError `invalid` for what is no catalogue, or one of another version; `corrupt`. */
export function decodeCatalogue(bytes: Uint8Array, file: FileName): readonly KeptCheckpoint[] {
  const found = parsed(bytes);
  if (found['format'] !== format || found['version'] !== formatVersion)
    throw new LockstepError('invalid', 'what the pointer of the store leads to is no catalogue of checkpoints', {
      values: { file, supported: `${format} ${formatVersion}` },
      advice: ['give each partition a store of its own', 'or use a version as new as the one that wrote it'],
    });
  const { kept } = found;
  if (Array.isArray(kept) && kept.every(isKept)) return kept;
  throw new LockstepError('corrupt', 'a catalogue of checkpoints is not what was written', { values: { file } });
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

function isKept(value: unknown): value is KeptCheckpoint {
  if (!isObject(value)) return false;
  const { partition, generation, revision, log, position, chain, time, level, files } = value;
  const areTexts = [partition, log, chain].every((one) => typeof one === 'string');
  const areCounts = [generation, revision, position, time, level].every(isCount);
  return areTexts && areCounts && Array.isArray(files) && files.every(isKeptFile);
}

function isKeptFile(value: unknown): value is KeptFile {
  if (!isObject(value)) return false;
  const { name, bytes, file } = value;
  return typeof name === 'string' && isCount(bytes) && typeof file === 'string' && isFileName(file);
}

/** Builds a table on another thread, with a codec that is found there by its place. */
import type { Job } from '../../src/env/jobs.ts';
import { loadCodec, type CodecPlace } from '../../src/storage/codec.ts';
import type { TableProperties } from '../../src/storage/table-properties.ts';
import { buildTable } from './tables.ts';
import { inOrder, type Version } from './versions.ts';

export const numbersOf = (count: number): readonly Version[] =>
  Array.from({ length: count }, (_, at) => ({
    key: new TextEncoder().encode(`key ${at}`),
    revision: 1 + (at % 1_000),
    value: new Uint8Array(100).fill(at),
  })).toSorted(inOrder);

export const buildNumbers: Job<{ path: string; count: number; codec: CodecPlace }, TableProperties> = {
  kind: 'job',
  name: 'buildNumbers',
  module: import.meta.url,
  run: async ({ path, count, codec }, disk) =>
    buildTable(disk, path, numbersOf(count), { number: 5, codec: await loadCodec(codec) }),
};

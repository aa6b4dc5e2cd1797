import type { BlockCodec } from '../../src/storage/codec.ts';

/** Runs of one byte as the byte and a count: enough to make some blocks smaller and others not. */
export const runs: BlockCodec = {
  name: 'runs',
  compress: (bytes) => {
    const packed: number[] = [];
    for (let at = 0; at < bytes.length;) {
      let end = at + 1;
      while (end < bytes.length && end - at < 255 && bytes[end] === bytes[at]) end++;
      packed.push(bytes[at] as number, end - at);
      at = end;
    }
    return Uint8Array.from(packed);
  },
  decompress: (bytes, count) => {
    const raw = new Uint8Array(count);
    for (let at = 0, to = 0; at < bytes.length; to += bytes[at + 1] as number, at += 2) {
      raw.fill(bytes[at] as number, to, to + (bytes[at + 1] as number));
    }
    return raw;
  },
};

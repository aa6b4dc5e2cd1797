/** Numbered records, each in a frame: a torn one is known. */
import { encodeFrame, readFrame } from '../../src/bytes/frame.ts';

const payloadBytes = 200;

/** The number, then bytes that follow from it. */
export function encodeRecord(number: number): Uint8Array {
  const payload = new Uint8Array(payloadBytes);
  new DataView(payload.buffer).setUint32(0, number);
  for (let at = 4; at < payloadBytes; at++) payload[at] = (number * 31 + at) % 256;
  return encodeFrame(payload);
}

/** How many records from 0 on are whole and in order, and where they end. */
export function decodeRecords(content: Uint8Array): { readonly count: number; readonly end: number } {
  let [count, end] = [0, 0];
  for (;;) {
    const read = readFrame(content, end, { payloadBytesMax: payloadBytes });
    if (read.kind !== 'frame') return { count, end };
    const { payload } = read;
    if (new DataView(payload.buffer, payload.byteOffset).getUint32(0) !== count) return { count, end };
    [count, end] = [count + 1, read.end];
  }
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { encodeFrame, FrameReader, frameHeaderBytes, FrameWriter, readFrame, writeFrameHeader } from './frame.ts';

const limits = { payloadBytesMax: 1_000 };
const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function drain(reader: FrameReader): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let payload = reader.next(); payload !== null; payload = reader.next()) found.push(payload);
  return found;
}

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a reader gives the same frames however the stream is cut into chunks', () => {
  fc.assert(
    fc.property(payloads, fc.array(fc.nat(60), { maxLength: 30 }), fc.boolean(), (sent, cuts, drainOften) => {
      const stream = concat(sent.map((payload) => encodeFrame(payload, 5)));
      const reader = new FrameReader({ ...limits, seed: 5 });
      const received: Uint8Array[] = [];
      let at = 0;
      for (const count of [...cuts, stream.length]) {
        reader.push(stream.slice(at, at + count));
        at = Math.min(at + count, stream.length);
        if (drainOften) received.push(...drain(reader));
      }
      received.push(...drain(reader));
      expect(received).toEqual(sent);
      expect(reader.empty).toBe(true);
    }),
  );
});

test('a reader gives the same frames for every way to cut a short stream in three', () => {
  const sent = [new Uint8Array(0), Uint8Array.of(1, 2, 3), Uint8Array.of(4)];
  const stream = concat(sent.map((payload) => encodeFrame(payload)));
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const reader = new FrameReader(limits);
      const received = [stream.slice(0, first), stream.slice(first, second), stream.slice(second)].flatMap((chunk) => {
        reader.push(chunk);
        return drain(reader);
      });
      expect(received).toEqual(sent);
    }
  }
});

test('a frame larger than the room made ahead arrives whole in small chunks', () => {
  const payload = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
  const stream = encodeFrame(payload);
  const reader = new FrameReader({ payloadBytesMax: 300_000 });
  for (let at = 0; at < stream.length; at += 1_000) {
    expect(reader.next()).toBeNull();
    reader.push(stream.slice(at, at + 1_000));
  }
  expect(reader.next()).toEqual(payload);
  expect(reader.empty).toBe(true);
});

test('one flipped bit anywhere is damage, never another frame and never a wait for more', () => {
  const frame = encodeFrame(Uint8Array.of(10, 20, 30, 40));
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const bytes = frame.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    const read = readFrame(bytes, 0, limits);
    expect(read.kind).toBe('damaged');
    expect(read).toMatchObject({ part: bit < frameHeaderBytes * 8 ? 'header' : 'payload' });
    const reader = new FrameReader(limits);
    reader.push(bytes);
    const failure = failureOf(() => reader.next());
    expect(isLockstepError(failure, 'corrupt')).toBe(true);
    expect(failureOf(() => reader.next())).toBe(failure);
    expect(reader.empty).toBe(false);
  }
});

test('every beginning of a frame is incomplete', () => {
  const frame = encodeFrame(Uint8Array.of(10, 20, 30, 40));
  for (let length = 0; length < frame.length; length++) {
    expect(readFrame(frame.subarray(0, length), 0, limits)).toEqual({
      kind: 'incomplete',
      end: length < frameHeaderBytes ? null : frame.length,
    });
  }
  expect(readFrame(frame, 0, limits)).toMatchObject({ kind: 'frame', end: frame.length });
});

test('zeros, and a frame of another seed, are damage', () => {
  expect(readFrame(new Uint8Array(64), 0, limits)).toEqual({ kind: 'damaged', part: 'header' });
  expect(readFrame(encodeFrame(Uint8Array.of(1), 1), 0, { ...limits, seed: 2 }).kind).toBe('damaged');
});

test('a frame over the limit is told from a damaged one, and the failure names its place in the stream', () => {
  const [small, large] = [encodeFrame(new Uint8Array(3)), encodeFrame(new Uint8Array(1_001))];
  expect(readFrame(large, 0, limits)).toEqual({ kind: 'too-large', payloadBytes: 1_001 });
  const reader = new FrameReader(limits);
  reader.push(concat([small, large]).subarray(0, small.length + frameHeaderBytes));
  expect(reader.next()).toEqual(new Uint8Array(3));
  const failure = failureOf(() => reader.next());
  expect(isLockstepError(failure, 'invalid') && failure.values).toEqual({
    payloadBytes: 1_001,
    payloadBytesMax: 1_000,
    offset: small.length,
  });
});

test('a writer gathers the frames that encodeFrame makes, and refuses what is over its limits', () => {
  const writer = new FrameWriter({ payloadBytesMax: 4, bytesMax: 40, seed: 9 });
  const sent = [Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)];
  for (const payload of sent) writer.append(payload);
  const expected = concat(sent.map((payload) => encodeFrame(payload, 9)));
  expect(writer.view()).toEqual(expected);
  expect(
    isLockstepError(
      failureOf(() => writer.append(new Uint8Array(5))),
      'invalid',
    ),
  ).toBe(true);
  expect(
    isLockstepError(
      failureOf(() => writer.append(new Uint8Array(2))),
      'invalid',
    ),
  ).toBe(true);
  expect(writer.copy()).toEqual(expected);
  writer.clear();
  expect(writer.length).toBe(0);
});

test('header and payload written apart are the frame', () => {
  const payload = Uint8Array.of(7, 8, 9);
  const header = new Uint8Array(frameHeaderBytes);
  writeFrameHeader(header, 0, payload, 3);
  expect(concat([header, payload])).toEqual(encodeFrame(payload, 3));
});

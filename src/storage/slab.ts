/**
 * Memory that two threads can see: typed arrays over shared buffers where the host has them, so that a job reads a
 * sealed memtable without a copy; elsewhere over plain ones, which are copied on the way.
 */
const Shared = typeof SharedArrayBuffer === 'function' ? SharedArrayBuffer : ArrayBuffer; // tidy: globals: memory that two threads see is what this file is for

const buffer = (bytes: number): ArrayBufferLike => new Shared(bytes);

export const newBytes = (count: number): Uint8Array => new Uint8Array(buffer(count));
export const newInt32s = (count: number): Int32Array => new Int32Array(buffer(count * 4));
export const newUint32s = (count: number): Uint32Array => new Uint32Array(buffer(count * 4));
export const newFloat64s = (count: number): Float64Array => new Float64Array(buffer(count * 8));

type Slab = Uint8Array | Int32Array | Uint32Array | Float64Array;

/** The same with room for `needed`, at least doubled. Views of the old one stay good: what was written never changes. */
export function grown<T extends Slab>(slab: T, make: (count: number) => T, needed: number): T {
  const next = make(Math.max(needed, slab.length * 2));
  next.set(slab);
  return next;
}

/**
 * Groups that gather while one is written. Entries are encoded as they come, so that the caller's bytes are free at
 * once; what waits is bounded by the journal.
 */
import { putVarint, varintBytes } from '../bytes/varint.ts';
import { assert } from '../kernel/assert.ts';
import { groupBytes, groupHeaderBytes, type GroupKind } from './group.ts';
import type { AppendOutcome } from './journal-options.ts';

/** Writes an entry, all of it, from `at` on. */
export type WriteEntry = (into: Uint8Array, at: number) => void;

export interface Waiter {
  readonly first: number;
  readonly last: number;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export class FormingGroup {
  readonly kind: GroupKind;
  readonly firstPosition: number;
  readonly waiters: Waiter[] = [];
  entryCount = 0;
  /** Header first; its bytes are filled in when the group is written. */
  buffer: Uint8Array;
  length: number = groupHeaderBytes;

  constructor(kind: GroupKind, firstPosition: number, buffer: Uint8Array) {
    this.kind = kind;
    this.firstPosition = firstPosition;
    this.buffer = buffer;
  }

  get payloadBytes(): number {
    return this.length - groupHeaderBytes;
  }

  add(entries: readonly Uint8Array[], payloadBytes: number): void {
    this.#reserve(groupBytes(this.payloadBytes + payloadBytes));
    let at = this.length;
    for (const entry of entries) {
      at = putVarint(this.buffer, at, entry.length);
      this.buffer.set(entry, at);
      at += entry.length;
    }
    assert(at === this.length + payloadBytes, 'entries take the room that was counted');
    this.length = at;
    this.entryCount += entries.length;
  }

  /** One entry of `bytes`, which `write` puts into the buffer from `at` on. */
  addWritten(bytes: number, write: WriteEntry): void {
    this.#reserve(groupBytes(this.payloadBytes + varintBytes(bytes) + bytes));
    const at = putVarint(this.buffer, this.length, bytes);
    write(this.buffer, at);
    this.length = at + bytes;
    this.entryCount++;
  }

  /** All of it, to the end of its last sector, with zeros behind the entries. */
  whole(): Uint8Array {
    const bytes = groupBytes(this.payloadBytes);
    this.#reserve(bytes);
    this.buffer.fill(0, this.length, bytes);
    return this.buffer.subarray(0, bytes);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(bytes, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}

export function payloadBytesOf(entries: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += varintBytes(entry.length) + entry.length;
  return bytes;
}

const bytesAtFirst = 4_096;
const buffersKept = 2;

/** Groups in the order of their appends. */
export class FormingGroups {
  readonly #groupBytesMax: number;
  readonly #waiting: FormingGroup[] = [];
  /** Of groups that are done, at most two: one is written while the next gathers. Making room anew costs more than the disk. */
  readonly #buffers: Uint8Array[] = [];
  /** Of all groups that wait, and the one that is written. */
  bytes = 0;

  constructor(groupBytesMax: number) {
    this.#groupBytesMax = groupBytesMax;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** The group that these entries go into. */
  forEntries(payloadBytes: number, firstPosition: number): FormingGroup {
    const last = this.#waiting.at(-1);
    if (last?.kind === 'data' && last.payloadBytes + payloadBytes <= this.#groupBytesMax) return last;
    return this.push('data', firstPosition);
  }

  push(kind: GroupKind, firstPosition: number): FormingGroup {
    const group = new FormingGroup(kind, firstPosition, this.#buffers.pop() ?? new Uint8Array(bytesAtFirst));
    this.#waiting.push(group);
    return group;
  }

  shift(): FormingGroup | undefined {
    return this.#waiting.shift();
  }

  /** It was written; its buffer serves again. */
  done(group: FormingGroup): void {
    this.bytes -= group.payloadBytes;
    if (this.#buffers.length < buffersKept) this.#buffers.push(group.buffer);
  }
}

/**
 * Groups that gather while one is written. Entries are encoded as they come, so that the caller's bytes are free at
 * once; what waits is bounded by the journal.
 */
import { putVarint, varintBytes, varintBytesMax } from '../bytes/varint.ts';
import { assert } from '../kernel/assert.ts';
import { groupBytes, groupHeaderBytes, type GroupKind } from './group.ts';
import type { AppendOutcome } from './journal-options.ts';

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
    this.#reserve(groupBytes(this.payloadBytes + payloadBytes + varintBytesMax));
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

/** Groups in the order of their appends. */
export class FormingGroups {
  readonly #groupBytesMax: number;
  readonly #waiting: FormingGroup[] = [];
  #buffer: Uint8Array | null = null;
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
    const group = new FormingGroup(kind, firstPosition, this.#buffer ?? new Uint8Array(4_096));
    this.#buffer = null;
    this.#waiting.push(group);
    return group;
  }

  shift(): FormingGroup | undefined {
    return this.#waiting.shift();
  }

  /** It was written or given up; its buffer serves again. */
  done(group: FormingGroup): void {
    this.bytes -= group.payloadBytes;
    if (this.#buffer === null || this.#buffer.length < group.buffer.length) this.#buffer = group.buffer;
  }
}

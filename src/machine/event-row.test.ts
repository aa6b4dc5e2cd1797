/** Rows of events: nothing is written that its reader would refuse. */
import { expect, test } from 'vitest';
import { InvariantError } from '../kernel/assert.ts';
import type { StoredValue } from '../bytes/value-format.ts';
import type { Transaction } from '../partition/transaction.ts';
import { putRow, type EventRow } from './event-row.ts';

const row: EventRow = {
  machine: 'cart',
  key: 'ann',
  firstVersion: 1,
  revision: 7,
  actor: 'local',
  commandId: 'c',
  correlationId: 'c',
  causationId: null,
  trace: null,
  events: [{ type: 'Added', shape: 1, data: 1, at: new Date(0) }],
};

test.each([
  { actor: 42 },
  { actor: undefined },
  { commandId: null },
  { causationId: 1 },
  { trace: {} },
  { revision: '7' },
  { events: [{ type: 5, shape: 1, data: 1, at: new Date(0) }] },
  { events: [{ type: 'Added', shape: '1', data: 1, at: new Date(0) }] },
  { events: [{ type: 'Added', shape: 1, data: 1, at: new Date(Number.NaN) }] },
])('a row that could not be read is never written: %j', (changes) => {
  const written: StoredValue[] = [];
  const encoded = (value: StoredValue): Uint8Array => {
    written.push(value);
    return new Uint8Array();
  };
  const space = { set: () => {}, setEncoded: () => {} };
  const tx = { encoded, system: () => space } as unknown as Transaction;
  putRow(tx, row);
  expect(written.splice(0)).toHaveLength(1);
  expect(() => putRow(tx, { ...row, ...changes } as unknown as EventRow)).toThrow(InvariantError);
  expect(written).toEqual([]);
});

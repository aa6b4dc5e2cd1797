/** What the page makes of what it is told, without a browser: rates, forms, what it remembers, where it is. */
import { describe, expect, test } from 'vitest';
import { Metrics } from 'lockstep/observe';
import { hashOf, placeOf } from '../../dashboard/place.ts';
import { sampleOf, sumOf } from '../../dashboard/readings.ts';
import { Ring } from '../../dashboard/ring.ts';
import { emptyOf, fieldOf, problemsOf } from '../../dashboard/shape.ts';

describe('rates', () => {
  const counted = (committed: number, tookMs: readonly number[]) => {
    const metrics = new Metrics();
    const labels = ['machine', 'outcome'] as const;
    const of = { machine: 'order', outcome: 'committed' };
    metrics.counters({ name: 'lockstep_commands', help: 'sent', labels }).of(of).add(committed);
    const took = metrics.histogram({ name: 'lockstep_command_ms', help: 'took' });
    for (const ms of tookMs) took.record(ms);
    return metrics.snapshot();
  };

  test('are what came between two readings, by the time between them', () => {
    const before = { at: new Date(1_000), metrics: counted(10, [1_000]) };
    const now = { at: new Date(3_000), metrics: counted(30, [1_000, ...Array.from({ length: 99 }, () => 10), 500]) };
    const sample = sampleOf(before, now);
    expect(sample?.commands.get('committed')).toBe(10);
    expect(sumOf(sample?.commands ?? new Map())).toBe(10);
    expect(Math.abs((sample?.p50 ?? 0) - 10)).toBeLessThan(1);
    expect(sample?.p99).toBeLessThan(11); // one of a hundred took longer
  });

  test('of a node that began again nothing is said, and nothing of how long no command took', () => {
    const [many, few] = [counted(30, [1]), counted(2, [1])];
    expect(sampleOf({ at: new Date(0), metrics: many }, { at: new Date(1), metrics: few })).toBeNull();
    expect(sampleOf({ at: new Date(0), metrics: few }, { at: new Date(1), metrics: few })?.p50).toBeNull();
  });
});

test('a ring has the newest, in order, and no more than it has room for', () => {
  const ring = new Ring<number>(3);
  for (const item of [1, 2]) ring.push(item);
  expect(ring.list()).toEqual([1, 2]);
  for (const item of [3, 4, 5, 6, 7]) ring.push(item);
  expect(ring.list()).toEqual([5, 6, 7]);
});

test('a place is in the address and back, whatever its key holds', () => {
  const about = { machine: 'order', key: 'a/b?c=d&e#f ü' };
  expect(placeOf(hashOf('machines', about))).toEqual({ view: 'machines', about });
  expect(placeOf('')).toEqual({ view: 'overview', about: {} });
  expect(placeOf('#/nowhere?a=1').view).toBe('overview');
});

describe('a form', () => {
  const line = {
    type: 'object',
    properties: { sku: { type: 'string', pattern: '^[a-z]+$' }, count: { type: 'integer', minimum: 1, maximum: 9 } },
    required: ['sku', 'count'],
  };
  const shape = {
    type: 'object',
    properties: { lines: { type: 'array', items: line }, gift: { type: 'boolean' }, way: { enum: ['post', 'bike'] } },
    required: ['lines', 'gift', 'way'],
  };

  test('begins with what must be there', () => {
    expect(emptyOf(shape)).toEqual({ lines: [], gift: false, way: 'post' });
  });

  test('tells what is wrong, where', () => {
    const value = { lines: [{ sku: 'Tea', count: 0.5 }, { count: 10 }], gift: 'no', way: 'boat' };
    expect(problemsOf(shape, value)).toEqual([
      { path: 'lines.0.sku', why: 'of the form ^[a-z]+$' },
      { path: 'lines.0.count', why: 'a whole number is expected' },
      { path: 'lines.1.sku', why: 'is missing' },
      { path: 'lines.1.count', why: 'at most 9' },
      { path: 'gift', why: 'true or false is expected' },
      { path: 'way', why: 'one of post, bike' },
    ]);
    expect(problemsOf(shape, { lines: [{ sku: 'tea', count: 9 }], gift: true, way: 'bike' })).toEqual([]);
  });

  test('of what it has no words for it asks as JSON, and refuses nothing', () => {
    expect(fieldOf({ anyOf: [{ type: 'string' }, { type: 'null' }] })).toEqual({ kind: 'any' });
    expect(problemsOf({ $ref: '#/elsewhere' }, 7)).toEqual([]);
    expect(problemsOf(null, undefined)).toEqual([]);
  });
});

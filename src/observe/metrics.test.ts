import { expect, test } from 'vitest';
import { isLockstepError } from '../kernel/errors.ts';
import { Metrics } from './metrics.ts';

test('a snapshot holds everything by name, as plain data that later records do not move', () => {
  const metrics = new Metrics();
  const sent = metrics.counters({ name: 'frames_sent', help: 'frames handed to the network', labels: ['peer'] });
  const sync = metrics.histogram({ name: 'disk_sync_ms', help: 'how long a sync takes' });
  metrics.gauge({ name: 'queue_length', help: 'frames that wait' }, () => 7);
  const toB = sent.of({ peer: 'b' });
  toB.add(2);
  sent.of({ peer: 'c' }).add(1);
  sync.record(3);
  const snapshot = metrics.snapshot();
  toB.add(1);
  expect(structuredClone(snapshot)).toEqual([
    {
      kind: 'histogram',
      name: 'disk_sync_ms',
      help: 'how long a sync takes',
      labels: [],
      overflowCount: 0,
      series: [
        { labels: {}, value: { count: 1, sum: 3, min: 3, max: 3, buckets: [{ atLeast: 3, below: 3.125, count: 1 }] } },
      ],
    },
    {
      kind: 'counter',
      name: 'frames_sent',
      help: 'frames handed to the network',
      labels: ['peer'],
      overflowCount: 0,
      series: [
        { labels: { peer: 'b' }, value: 2 },
        { labels: { peer: 'c' }, value: 1 },
      ],
    },
    {
      kind: 'gauge',
      name: 'queue_length',
      help: 'frames that wait',
      labels: [],
      failure: null,
      overflowCount: 0,
      series: [{ labels: {}, value: 7 }],
    },
  ]);
});

test('past the limit of series everybody shares `other`, and the snapshot says so', () => {
  const metrics = new Metrics();
  const sent = metrics.counters({ name: 'sent', help: 'sent', labels: ['peer'], seriesCountMax: 3 });
  for (const peer of ['a', 'b', 'c', 'd', 'a']) sent.of({ peer }).add(1);
  expect(metrics.snapshot()[0]).toMatchObject({
    overflowCount: 2,
    series: [
      { labels: { peer: 'a' }, value: 2 },
      { labels: { peer: 'b' }, value: 1 },
      { labels: { peer: 'other' }, value: 2 },
    ],
  });
});

test('labels whose values look alike when joined are series of their own, and long values are cut', () => {
  const metrics = new Metrics();
  const family = metrics.counters({ name: 'x', help: 'x', labels: ['a', 'b'] });
  expect(family.of({ a: 'p,q', b: 'r' })).not.toBe(family.of({ a: 'p', b: 'q,r' }));
  expect(family.of({ a: 'y'.repeat(200), b: '' })).toBe(family.of({ a: 'y'.repeat(300), b: '' }));
});

test('the same definition gives the same metric, another one under its name is misuse', () => {
  const metrics = new Metrics();
  const counter = metrics.counter({ name: 'n', help: 'n' });
  expect(metrics.counter({ name: 'n', help: 'n' })).toBe(counter);
  const misuse = expect.objectContaining({ kind: 'misuse' });
  expect(() => metrics.histogram({ name: 'n', help: 'n' })).toThrow(misuse);
  expect(() => metrics.counters({ name: 'n', help: 'n', labels: ['a'] })).toThrow(misuse);
  expect(() => metrics.gauge({ name: 'n', help: 'n' }, () => 0)).toThrow(misuse);
  expect(() => metrics.counter({ name: 'N-1', help: 'n' })).toThrow(misuse);
  expect(() => metrics.counters({ name: 'm', help: 'm', labels: ['B'] })).toThrow(misuse);
  expect(() => metrics.counters({ name: 'm', help: 'm', labels: ['b'], seriesCountMax: 0 })).toThrow(misuse);
  expect(() => counter.add(-1)).toThrow(misuse);
  expect(() => counter.add(Number.NaN)).toThrow(misuse);
  expect(counter.value).toBe(0);
});

test('a gauge that throws tells so and hides nothing else; a removed one is gone', () => {
  const metrics = new Metrics();
  metrics.counter({ name: 'a', help: 'a' }).add(1);
  metrics.gauge({ name: 'b', help: 'b' }, () => {
    throw new Error('closed');
  });
  metrics.gauges({ name: 'c', help: 'c', labels: ['peer'], seriesCountMax: 2 }, () => [
    [{ peer: 'x' }, 1],
    [{ peer: 'y' }, 2],
    [{ peer: 'z' }, 3],
  ]);
  expect(metrics.snapshot()).toMatchObject([
    { name: 'a', series: [{ value: 1 }] },
    { name: 'b', series: [], failure: 'Error: closed' },
    { name: 'c', failure: null, overflowCount: 2, series: [{ value: 1 }, { labels: { peer: 'other' }, value: 5 }] },
  ]);
  expect(metrics.removeGauge('b')).toBe('removed');
  expect(metrics.removeGauge('a')).toBe('absent');
  expect(metrics.snapshot().map(({ name }) => name)).toEqual(['a', 'c']);
});

test('names are bounded', () => {
  const metrics = new Metrics({ metricCountMax: 1 });
  metrics.counter({ name: 'a', help: 'a' });
  metrics.counter({ name: 'a', help: 'a' });
  try {
    metrics.counter({ name: 'b', help: 'b' });
    expect.unreachable();
  } catch (error) {
    expect(isLockstepError(error, 'overloaded')).toBe(true);
  }
});

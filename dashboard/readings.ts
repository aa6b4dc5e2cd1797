/**
 * What two readings of a node's counters say of the time between them: rates and latencies. A node that began again counts
 * from 0: of such a time nothing is said.
 */
import type { HistogramSnapshot } from '../src/observe/histogram.ts';
import type { MetricSnapshot } from '../src/observe/metrics.ts';
import { commandMetricNames } from '../src/node/command-metrics.ts';

export interface Sample {
  readonly at: Date;
  /** A second, by outcome. */
  readonly commands: ReadonlyMap<string, number>;
  /** A second, by code. */
  readonly rejections: ReadonlyMap<string, number>;
  /** A second, by machine. */
  readonly events: ReadonlyMap<string, number>;
  /** In milliseconds; null: no command ended. */
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface Reading {
  readonly at: Date;
  readonly metrics: readonly MetricSnapshot[];
}

/** Null: the node began again between them. */
export function sampleOf(before: Reading, now: Reading): Sample | null {
  const seconds = Math.max(0.001, (now.at.getTime() - before.at.getTime()) / 1_000);
  const ratesOf = (name: string, labels: readonly string[]): ReadonlyMap<string, number> | null => {
    const old = countsOf(before.metrics, name, labels);
    const rates = new Map<string, number>();
    for (const [key, count] of countsOf(now.metrics, name, labels)) {
      const grown = count - (old.get(key) ?? 0);
      if (grown < 0) return null;
      rates.set(key, grown / seconds);
    }
    return rates;
  };
  const { commands, rejections, events, commandMs } = commandMetricNames;
  const [sent, refused, came] = [
    ratesOf(commands, ['outcome']),
    ratesOf(rejections, ['code']),
    ratesOf(events, ['machine']),
  ];
  if (sent === null || refused === null || came === null) return null;
  const took = grownBuckets(histogramOf(before.metrics, commandMs), histogramOf(now.metrics, commandMs));
  const [p50, p99] = [percentile(took, 0.5), percentile(took, 0.99)];
  return { at: now.at, commands: sent, rejections: refused, events: came, p50, p99 };
}

export const sumOf = (rates: ReadonlyMap<string, number>): number =>
  [...rates.values()].reduce((sum, one) => sum + one, 0);

function countsOf(
  metrics: readonly MetricSnapshot[],
  name: string,
  labels: readonly string[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const metric of metrics) {
    if (metric.name !== name || metric.kind !== 'counter') continue;
    for (const one of metric.series) {
      const key = labels.map((label) => one.labels[label]).join(': ');
      counts.set(key, (counts.get(key) ?? 0) + one.value);
    }
  }
  return counts;
}

function histogramOf(metrics: readonly MetricSnapshot[], name: string): HistogramSnapshot | null {
  const metric = metrics.find((one) => one.name === name);
  return metric?.kind === 'histogram' ? (metric.series[0]?.value ?? null) : null;
}

/** Counts by the bound below which they lie, ascending. */
type Buckets = readonly (readonly [below: number, count: number])[];

function grownBuckets(before: HistogramSnapshot | null, now: HistogramSnapshot | null): Buckets {
  const old = new Map(before?.buckets.map(({ below, count }) => [below, count]));
  return (now?.buckets ?? []).map(({ below, count }) => [below ?? Infinity, count - (old.get(below) ?? 0)]);
}

function percentile(buckets: Buckets, part: number): number | null {
  const wanted = buckets.reduce((sum, [, count]) => sum + count, 0) * part;
  if (wanted === 0) return null;
  let seen = 0;
  for (const [below, count] of buckets) {
    seen += count;
    if (seen >= wanted) return Number.isFinite(below) ? below : null;
  }
  return null;
}

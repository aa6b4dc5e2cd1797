/**
 * Metrics as text for Prometheus and its kin: OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/). Counts
 * of a histogram's buckets are cumulative there, up to and including a bound.
 */
import type { HistogramSnapshot } from '../observe/histogram.ts';
import type { Labels, MetricSnapshot, Series } from '../observe/metrics.ts';

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export function openMetricsOf(metrics: readonly MetricSnapshot[]): string {
  return `${metrics.map(familyOf).join('')}# EOF\n`;
}

function familyOf(metric: MetricSnapshot): string {
  const { name, help, kind } = metric;
  const head = `# TYPE ${name} ${kind}\n# HELP ${name} ${escaped(help)}\n`;
  switch (metric.kind) {
    case 'counter':
      return head + metric.series.map((one) => line(`${name}_total`, one.labels, one.value)).join('');
    case 'gauge':
      return head + metric.series.map((one) => line(name, one.labels, one.value)).join('');
    case 'histogram':
      return head + metric.series.map((one) => histogramOf(name, one)).join('');
  }
}

function histogramOf(name: string, { labels, value }: Series<HistogramSnapshot>): string {
  let seen = 0;
  const buckets = value.buckets.flatMap(({ below, count }) => {
    seen += count;
    return below === null ? [] : [line(`${name}_bucket`, { ...labels, le: String(below) }, seen)];
  });
  return [
    ...buckets,
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, value.count),
    line(`${name}_count`, labels, value.count),
    line(`${name}_sum`, labels, value.sum),
  ].join('');
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

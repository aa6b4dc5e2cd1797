/**
 * `lockstep/observe`: what a node tells about itself. `Metrics` holds counters, gauges and histograms and gives one
 * picture of them as plain data; `Tracer` is a small interface for spans, attached to OpenTelemetry by
 * `fromOpenTelemetry`, and a no-op by default; `Waits` is the registry of all that waits, with deadlines, from which
 * `explain` answers "why does nothing happen?". Start at `Waits.until` when you wait for something, and at
 * `Metrics.counter` when you count something.
 */
export { Histogram, histogramErrorMax } from './histogram.ts';
export type { HistogramBucket, HistogramSnapshot } from './histogram.ts';
export { logLine } from './logger.ts';
export type { LogEntry, Logger } from './logger.ts';
export { Metrics } from './metrics.ts';
export type {
  Counter,
  Family,
  LabelledDefinition,
  Labels,
  MetricDefinition,
  MetricSnapshot,
  MetricsOptions,
  Series,
} from './metrics.ts';
export { fromOpenTelemetry } from './open-telemetry.ts';
export type { OpenTelemetry } from './open-telemetry.ts';
export { parseTraceparent, printTraceparent } from './traceparent.ts';
export type { SpanContext } from './traceparent.ts';
export { inSpan, noTracer } from './tracer.ts';
export type { Attributes, AttributeValue, Span, SpanOptions, Tracer } from './tracer.ts';
export { printWaits } from './wait-text.ts';
export { Waits } from './waits.ts';
export type { EnterAbout, UntilAbout, Wait, WaitAbout, WaitEntry, WaitsOptions } from './waits.ts';

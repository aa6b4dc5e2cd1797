import { context, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { expect, test } from 'vitest';
import { instant, wallTime } from '../kernel/time.ts';
import { fromOpenTelemetry } from './open-telemetry.ts';
import { parseTraceparent, printTraceparent } from './traceparent.ts';
import { inSpan } from './tracer.ts';

function collected() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { exporter, tracer: provider.getTracer('lockstep') };
}

test('spans arrive in OpenTelemetry with parent, kind, attributes, links and status', async () => {
  const { exporter, tracer: telemetry } = collected();
  const tracer = fromOpenTelemetry({ tracer: telemetry, context, trace });
  const parent = tracer.start('command', { kind: 'client', attributes: { key: 'a-1', size: 3, retried: false } });
  const header = printTraceparent(parent.context ?? expect.unreachable());
  // The other side knows the header alone.
  const received = parseTraceparent(header);
  const link = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: true };
  await expect(
    inSpan(tracer, 'apply', { kind: 'server', parent: received, links: [link] }, async (span) => {
      span.addLink({ ...link, spanId: '3'.repeat(16) });
      throw new Error('the disk refused');
    }),
  ).rejects.toThrow('the disk refused');
  parent.setStatus('ok');
  parent.end();

  const [apply, command] = exporter.getFinishedSpans();
  expect(command).toMatchObject({ name: 'command', kind: 2, attributes: { key: 'a-1', size: 3, retried: false } });
  expect(command?.status).toEqual({ code: 1 });
  expect(command?.parentSpanContext).toBeUndefined();
  expect(apply).toMatchObject({ name: 'apply', kind: 1, status: { code: 2, message: 'the disk refused' } });
  expect(apply?.parentSpanContext).toMatchObject({ ...ids(parent.context), isRemote: true });
  expect(apply?.spanContext().traceId).toBe(parent.context?.traceId);
  expect(apply?.links.map((one) => one.context.spanId)).toEqual(['2'.repeat(16), '3'.repeat(16)]);
});

test('null begins a trace of its own, and a span takes its times from the given clock though the wall jumps', () => {
  const { exporter, tracer: telemetry } = collected();
  let [nowMs, wallMs] = [10, 1_000_000_000_500];
  const clock = { now: () => instant(nowMs), wall: () => wallTime(wallMs) };
  const tracer = fromOpenTelemetry({ tracer: telemetry, context, trace, clock });
  const first = tracer.start('first');
  const second = tracer.start('second', { parent: null });
  [nowMs, wallMs] = [1_260.25, 5_000];
  first.end();
  second.end();
  expect(second.context?.traceId).not.toBe(first.context?.traceId);
  const [span] = exporter.getFinishedSpans();
  expect(span?.startTime).toEqual([1_000_000_000, 500_000_000]);
  expect(span?.endTime).toEqual([1_000_000_001, 750_250_000]);
});

test('without a registered SDK nothing is recorded and there is no context to hand on', () => {
  const tracer = fromOpenTelemetry({ tracer: trace.getTracer('lockstep'), context, trace });
  const span = tracer.start('nothing');
  span.end();
  expect(span.context).toBeNull();
});

const ids = (context: { readonly traceId: string; readonly spanId: string } | null) => ({
  traceId: context?.traceId,
  spanId: context?.spanId,
});

/** Spans with OpenTelemetry's own SDK: from a request over HTTP to the rows of a projection that follows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { expect, onTestFinished, test } from 'vitest';
import { account } from '../../test/models/shop.ts';
import { defineApp } from '../machine/app.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { unchecked } from '../machine/schema.ts';
import { open } from '../os/open.ts';
import { serve } from '../server/node.ts';
import { tracerOf } from './telemetry.ts';

const deposits = projection({
  name: 'deposits',
  from: { account },
  row: unchecked<{ amount: number }>(),
  update: 'async',
  on: { account: { Deposited: ({ key, data }, rows) => rows.set(key, data) } },
});
const depositOf = query({
  name: 'deposit-of',
  input: unchecked<string>(),
  reads: { deposits },
  at: (key) => key,
  run: (tables, key) => tables.deposits.get(key)?.amount ?? 0,
});

test('without the API, or an SDK that takes them, no spans are made', () => {
  expect(tracerOf('/app.ts')).toBeUndefined();
  expect(tracerOf(import.meta.filename)).toBeUndefined();
});

test('a request, its command and the projection that took its events are one story in OpenTelemetry', async () => {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  onTestFinished(() => trace.disable());
  const place = mkdtempSync(join(tmpdir(), 'lockstep-telemetry-'));
  onTestFinished(() => rmSync(place, { recursive: true }));
  const app = defineApp({ name: 'bank', parts: [account, deposits, depositOf] });
  const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)];
  {
    await using node = await open(app, { data: join(place, 'data'), tracer: tracerOf(import.meta.filename) });
    await using server = await serve(node, { port: 0 });
    const response = await fetch(`${server.url}/machines/account/commands/Deposit?key=ann`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${spanId}-01` },
      body: JSON.stringify({ amount: 5 }),
    });
    expect(response.status).toBe(200);
    const { token } = await node.read(account, 'ann');
    expect(await node.query(depositOf, 'ann', { after: token })).toMatchObject({ value: 5 });
  }
  const spans = exporter.getFinishedSpans();
  const command = spans.find(({ name }) => name === 'account.Deposit') ?? expect.unreachable();
  expect(command.spanContext().traceId).toBe(traceId);
  expect(command.parentSpanContext).toMatchObject({ spanId, isRemote: true });
  const links = spans.filter(({ name }) => name === 'projections').flatMap((one) => one.links);
  expect(links.map(({ context }) => context.spanId)).toEqual([command.spanContext().spanId]);
});

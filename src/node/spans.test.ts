/** Spans of a node, in a calm world: from the command to the rows of an asynchronous projection. */
import { expect, test } from 'vitest';
import { both, inWorld, ofTenant, order } from '../../test/models/orders.ts';
import type { SpanContext } from '../observe/traceparent.ts';
import { parseTraceparent, printTraceparent } from '../observe/traceparent.ts';
import type { Attributes, Tracer } from '../observe/tracer.ts';

interface Told {
  readonly name: string;
  readonly context: SpanContext;
  readonly parent: SpanContext | null | undefined;
  readonly attributes: Record<string, Attributes[string]>;
  readonly links: SpanContext[];
  status: string | null;
}

/** Keeps spans that have ended. */
class Kept implements Tracer {
  readonly spans: Told[] = [];
  #count = 0;

  start: Tracer['start'] = (name, { parent, attributes } = {}) => {
    const spanId = String(++this.#count).padStart(16, '0');
    const context = { traceId: parent?.traceId ?? spanId.repeat(2), spanId, sampled: true };
    const told: Told = { name, context, parent, attributes: { ...attributes }, links: [], status: null };
    return {
      context,
      setAttribute: (key, value) => void (told.attributes[key] = value),
      addLink: (link) => void told.links.push(link),
      setStatus: (status, message) => void (told.status = `${status} ${message ?? ''}`),
      end: () => void this.spans.push(told),
    };
  };
}

test('a command has a span in the trace that it came with, its events name it, and projections link to it', async () => {
  const tracer = new Kept();
  const from = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
  await inWorld(
    async (node) => {
      const sent = await node.send(order, 'acme/1', 'Place', 7, { trace: printTraceparent(from) });
      await node.query(both, undefined, { after: sent.token });
      await node.query(ofTenant, { tenant: 'acme' });
      const [event] = (await node.readStream(order, 'acme/1')).events;
      const named = (name: string): Told => tracer.spans.find((one) => one.name === name) ?? expect.unreachable();
      const command = named('order.Place');
      expect(command).toMatchObject({ parent: from, status: null });
      expect(command.attributes).toMatchObject({ 'lockstep.key': 'acme/1', 'lockstep.outcome': 'committed' });
      expect(parseTraceparent(event?.trace ?? '')).toEqual(command.context);
      expect(named('projections')).toMatchObject({ parent: null, links: [command.context], status: null });
      expect(named('projections').attributes).toEqual({ 'lockstep.projections': 'later', 'lockstep.commands': 1 });
      expect(named('query of-tenant').attributes).toMatchObject({ 'lockstep.query': 'of-tenant' });
    },
    { tracer },
  );
});

test('what fails is an error in its span', async () => {
  const tracer = new Kept();
  await inWorld(
    async (node) => {
      await node.close();
      await expect(node.send(order, 'acme/1', 'Place', 7)).rejects.toMatchObject({ kind: 'stopped' });
      expect(tracer.spans).toMatchObject([{ name: 'order.Place', status: expect.stringContaining('error ') }]);
    },
    { tracer },
  );
});

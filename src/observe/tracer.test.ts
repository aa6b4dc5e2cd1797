import { expect, test } from 'vitest';
import { inSpan, noTracer, type Span, type Tracer } from './tracer.ts';

function recordingTracer(): { readonly tracer: Tracer; readonly said: string[] } {
  const said: string[] = [];
  const span: Span = {
    context: null,
    setAttribute: (name, value) => void said.push(`${name}=${value}`),
    addLink: () => void said.push('link'),
    setStatus: (status, message) => void said.push(`${status} ${message}`),
    end: () => void said.push('end'),
  };
  return { tracer: { start: (name) => (said.push(name), span) }, said };
}

test('a span ends with its work, whose error becomes its status and is thrown on', async () => {
  const { tracer, said } = recordingTracer();
  const answer = await inSpan(tracer, 'good', {}, async (span) => {
    span.setAttribute('size', 3);
    return 42;
  });
  expect(answer).toBe(42);
  const failure = new Error('the disk refused');
  await expect(inSpan(tracer, 'bad', {}, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(said).toEqual(['good', 'size=3', 'end', 'bad', 'error the disk refused', 'end']);
});

test('without a tracer all spans are one object, with nothing to hand on', () => {
  const span = noTracer.start('a', { attributes: { size: 1 } });
  span.setAttribute('a', 1);
  span.setStatus('error', 'x');
  span.end();
  expect(noTracer.start('b')).toBe(span);
  expect(span.context).toBeNull();
});

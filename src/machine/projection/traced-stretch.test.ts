/** What the span of a stretch says when its transaction had to run again. */
import { expect, test, vi } from 'vitest';
import { noTracer } from '../../observe/tracer.ts';
import type { EventRow } from '../event-row.ts';
import type { AnyProjection } from './projection.ts';
import { TracedStretch } from './traced-stretch.ts';

test('commands that a transaction took before it ran again are counted and linked once', () => {
  const span = { ...noTracer.start('', {}), addLink: vi.fn(), setAttribute: vi.fn(), end: vi.fn() };
  const start = vi.fn(() => span);
  const stretch = new TracedStretch({ ...noTracer, start }, { first: { name: 'rows' } as AnyProjection, others: [] });
  const row = { trace: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } as EventRow;
  for (const took of [3, 2]) {
    stretch.begin();
    for (let count = 0; count < took; count++) stretch.onRow(row);
  }
  stretch.end('done');
  expect(start).toHaveBeenCalledOnce();
  expect(span.addLink).toHaveBeenCalledTimes(2);
  expect(span.setAttribute).toHaveBeenCalledWith('lockstep.commands', 2);
  expect(span.end).toHaveBeenCalledOnce();
});

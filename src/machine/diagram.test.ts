import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { account, shipment } from '../../test/models/shop.ts';
import type { TransitionTable } from './definition.ts';
import { arrowsOf, characterWidth, layoutOf } from './diagram.ts';
import { drawMermaid } from './diagram-mermaid.ts';
import { drawMachineSvg } from './diagram-svg.ts';

test('Mermaid shows each state once, each way once with all that leads there, the beginning and the ends', () => {
  expect(drawMermaid(shipment)).toBe(`stateDiagram-v2
  state "idle" as s0
  state "requested" as s1
  state "overdue" as s2
  state "packed" as s3
  state "moving" as s4
  state "delivered" as s5
  [*] --> s0
  s0 --> s1: Requested
  s1 --> s3: Packed
  s1 --> s2: after 2d
  s2 --> s3: Packed
  s3 --> s4: HandedOver
  s4 --> s5: Delivered
  s4 --> s1: Lost
  s5 --> [*]
`);
});

test('SVG shows every state and every label, and is well-formed', () => {
  const svg = drawMachineSvg(shipment);
  for (const state of ['idle', 'requested', 'overdue', 'packed', 'moving', 'delivered'])
    expect(svg).toContain(`>${state}</text>`);
  expect(svg).toContain('<title>moving → requested: Lost</title>');
  expect(svg).toContain('>after 2d</text>');
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  expect([...svg.matchAll(/<g\b/g)]).toHaveLength([...svg.matchAll(/<\/g>/g)].length);
});

test('a machine of functions is not drawn', () => {
  for (const draw of [drawMermaid, drawMachineSvg])
    expect(() => draw(account)).toThrow(/only a machine that is a table/);
});

/** Tables of up to 8 states and 5 events, with self-loops, ways back and states that nothing leads to. */
const tables: fc.Arbitrary<TransitionTable> = fc.integer({ min: 1, max: 8 }).chain((count) => {
  const names = Array.from({ length: count }, (_, at) => `state-${at}`);
  const state = fc.constantFrom(...names);
  const on = fc.dictionary(fc.constantFrom('A', 'B', 'C', 'D', 'E'), state, { noNullPrototype: true });
  const after = fc.option(state.map((to) => ({ duration: '1s' as const, to })));
  return fc.array(fc.record({ on, after }), { minLength: count, maxLength: count }).map((rows) => ({
    initial: 'state-0',
    states: Object.fromEntries(names.map((name, at) => [name, rows[at] ?? { on: {}, after: null }])),
  }));
});

describe('a layout, of any table', () => {
  test('shows each transition once, and each state once, apart from the others', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const labels = Object.entries(table.states).flatMap(([from, { on, after }]) => [
          ...Object.entries(on).map(([event, to]) => `${from} ${event} ${to}`),
          ...(after === null ? [] : [`${from} after 1s ${after.to}`]),
        ]);
        const shown = arrowsOf(table).flatMap(({ from, to, labels }) =>
          labels.map((label) => `${from} ${label} ${to}`),
        );
        expect(shown.toSorted()).toEqual(labels.toSorted());
        const { boxes, width, height } = layoutOf(table);
        expect(boxes.map(({ state }) => state).toSorted()).toEqual(Object.keys(table.states).toSorted());
        for (const [at, box] of boxes.entries()) {
          expect(box.x + box.width).toBeLessThan(width);
          expect(box.y + box.height).toBeLessThan(height);
          for (const other of boxes.slice(at + 1))
            expect(other.y >= box.y + box.height || other.x >= box.x + box.width).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('leads no two arrows along one line, and none out of the picture', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const { routes, width } = layoutOf(table);
        const falls = routes.flatMap(({ points }) =>
          points.slice(1).flatMap(([x, y], at) => {
            const [beforeX, beforeY] = points[at] ?? [x, y];
            expect(x > 0 && x < width && (x === beforeX || y === beforeY)).toBe(true);
            return x === beforeX ? [{ x, top: Math.min(y, beforeY), bottom: Math.max(y, beforeY) }] : [];
          }),
        );
        for (const [at, one] of falls.entries())
          for (const other of falls.slice(at + 1))
            expect(one.x !== other.x || one.bottom <= other.top || other.bottom <= one.top).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('lays no label on another, and no two arrows on one horizontal line', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const { routes } = layoutOf(table);
        const heights = routes.flatMap(({ points }) => [...new Set(points.slice(1, -1).map(([, y]) => y))]);
        expect(new Set(heights).size).toBe(heights.length);
        const lines = routes.map(({ labelY, labelX, labels }) => ({
          y: labelY,
          from: labelX,
          to: labelX + labels.join().length * characterWidth,
        }));
        for (const [at, line] of lines.entries())
          for (const other of lines.slice(at + 1))
            expect(Math.abs(line.y - other.y) >= 12 || line.to < other.from || other.to < line.from).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

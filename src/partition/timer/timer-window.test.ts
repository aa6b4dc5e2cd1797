import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NearTimer } from './timer-state.ts';
import { TimerWindow } from './timer-window.ts';

const timer = (dueMs: number, name: string): NearTimer => ({ dueMs, kind: 'k', place: null, name });

test('it gives what is due next whatever is set, moved and taken back, and never holds more than it may', () => {
  const step = fc.record({
    kind: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'take' as const),
    dueMs: fc.nat({ max: 50 }),
    name: fc.constantFrom('a', 'b', 'c'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 2, max: 12 }), (steps, countMax) => {
      const window = new TimerWindow(countMax);
      const state = new Map<string, NearTimer>();
      window.extend([], Infinity);
      const load = (): void => {
        if (window.first !== null || window.endMs === Infinity) return;
        const later = [...state.values()]
          .filter((one) => one.dueMs >= window.endMs)
          .toSorted((a, b) => a.dueMs - b.dueMs);
        const found = later.slice(0, countMax);
        window.extend(found, found.length < countMax ? Infinity : (found.at(-1)?.dueMs ?? Infinity));
      };
      for (const { kind, dueMs, name } of steps) {
        const one = timer(dueMs, name);
        if (kind === 'add') {
          state.set(`${dueMs} ${name}`, one);
          window.add(one);
        } else if (kind === 'remove') {
          state.delete(`${dueMs} ${name}`);
          window.remove(one);
        } else {
          load();
          const next = window.shift();
          const least = Math.min(...[...state.values()].map((other) => other.dueMs));
          expect(next?.dueMs ?? Infinity).toBe(least);
          if (next !== null) state.delete(`${next.dueMs} ${next.name}`);
        }
        expect(window.count).toBeLessThanOrEqual(countMax);
      }
    }),
    { numRuns: 500 },
  );
});

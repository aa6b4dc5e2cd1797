import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { DueEvent, EventQueue } from './event-queue.ts';

test('events come up by time, then by sequence, without the cancelled', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new SeededRandom(seed);
    const queue = new EventQueue();
    const events = Array.from(
      { length: random.below(60) },
      (_, index) => new DueEvent(random.below(8), index, () => 0),
    );
    for (const event of events) queue.push(event);
    const kept = events.filter((event) => {
      if (random.chance(0.2)) event.cancel();
      return !event.cancelled;
    });
    const expected = kept.sort((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence);
    const found: DueEvent[] = [];
    for (let event = queue.pop(); event !== undefined; event = queue.pop()) found.push(event);
    expect(found).toEqual(expected);
  }
});

test('an event runs once at most', () => {
  let count = 0;
  const event = new DueEvent(0, 0, () => count++);
  event.run();
  event.run();
  expect(count).toBe(1);
});

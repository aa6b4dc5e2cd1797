import type { Timer, Timers } from '../env/timers.ts';
import type { DueEvent } from './event-queue.ts';
import type { Process } from './machine.ts';

/** Timers on one machine's monotonic clock: never early by it, however it drifts. */
export function timersOf(process: Process): Timers {
  const { timeline, clock } = process.machine;
  return {
    after(delayMs: number, onDue: () => void): Timer {
      if (!process.alive) return { cancel: () => undefined };
      const waitMs = delayMs > 0 ? delayMs : 0; // below 0 and not a number count as 0
      const dueMs = clock.monotonicMs() + waitMs;
      const pending = process.wait(`a timer of ${delayMs} ms`);
      const fire = (): void => {
        if (!process.alive) return;
        const leftMs = dueMs - clock.monotonicMs();
        if (leftMs > 1e-6) {
          event = timeline.after(clock.worldMs(leftMs), fire); // the clock was slowed down meanwhile
          return;
        }
        process.notify(() => {
          if (!process.pending.delete(pending)) return; // cancelled while the machine was paused
          timeline.record('timer', process.machine.name, 'timer');
          onDue();
        });
      };
      // An endless wait is on the list of waits, and never due.
      let event: DueEvent | null = waitMs === Infinity ? null : timeline.after(clock.worldMs(waitMs), fire);
      return {
        cancel(): void {
          event?.cancel();
          process.pending.delete(pending);
        },
      };
    },
  };
}

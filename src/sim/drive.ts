import { Crashed } from './crashed.ts';
import type { Run } from './run.ts';
import { RunEnded } from './run.ts';
import { catchRejections } from './rejections.ts';
import type { Turn } from './turn.ts';

/**
 * The world's step, over and over: look at what must hold, perform one due event, then give the host one turn, so
 * that all that can run has run before the next. Ends when the scenario does, or at the first thing that is found.
 */
export interface Limits {
  /** Of simulated time. */
  readonly worldMsMax: number;
  readonly eventCountMax: number;
}

export function drive(
  run: Run,
  scenario: (world: Run) => Promise<void>,
  turn: Turn,
  limits: Limits,
  onEnd: () => void,
): Promise<void> {
  const giveBack = catchRejections((reason) =>
    run.find('threw', `a rejection was left unhandled: ${textOf(reason)}`, reason),
  );
  let ended = false;
  const begin = async (): Promise<void> => {
    try {
      await scenario(run);
    } catch (error) {
      if (!(error instanceof RunEnded)) run.find('scenario', `the scenario threw: ${textOf(error)}`, error);
    }
    ended = true;
  };
  return new Promise((resolve) => {
    const step = (): void => {
      if (ended || run.found !== null) {
        onEnd();
        run.close();
        turn(() => {
          giveBack();
          resolve();
        });
        return;
      }
      if (!run.timeline.stands) stepOnce(run, limits);
      turn(step);
    };
    turn(() => {
      void begin();
      turn(step);
    });
  });
}

function stepOnce(run: Run, limits: Limits): void {
  const { timeline } = run;
  if (run.look() === 'woke' || run.found !== null) return;
  try {
    if (!timeline.step()) run.find('liveness', 'nothing is due any more, and the scenario still waits', undefined);
  } catch (error) {
    if (!(error instanceof Crashed)) run.find('threw', `a callback threw: ${textOf(error)}`, error);
  }
  if (timeline.nowMs > limits.worldMsMax) {
    run.find('liveness', `the scenario goes on after ${limits.worldMsMax / 1_000} s of the world`, undefined);
  } else if (timeline.performedCount > limits.eventCountMax) {
    run.find('liveness', `the scenario goes on after ${limits.eventCountMax} events`, undefined);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A page of events: those that are there, up to a number, and where the next page begins. */
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import { within } from '../log/within.ts';
import type { Recorded } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { PositionCounter, type Taken } from './position.ts';

export interface EventPage {
  readonly events: readonly Recorded<AnyMachine>[];
  /** Pass it as `after` for what comes behind these; the same as before where there was none. */
  readonly next: string;
}

export interface EventPageSetup {
  readonly taken: readonly Taken[];
  /** Where nothing comes, `next` is this. */
  readonly position: string;
  readonly limit: number;
  /** For how long it waits for the first one, in milliseconds; for others only as long as they are there already. */
  readonly waitMs: number;
  /** When it ends whatever comes, in milliseconds. */
  readonly withinMs: number;
  readonly timers: Timers;
  readonly signal: AbortSignal;
  readonly open: (signal: AbortSignal) => AsyncIterable<Recorded<AnyMachine>>;
}

/** How long another event may take where there are some: what is stored already is there sooner. */
const restMs = 20;

/** @throws what reading throws; the signal's reason. */
export async function eventPage(setup: EventPageSetup): Promise<EventPage> {
  const { taken: before, position, limit, waitMs, withinMs, timers, signal, open } = setup;
  const ending = new AbortController();
  const counter = new PositionCounter(before);
  const events: Recorded<AnyMachine>[] = [];
  let next = position;
  const source = open(ending.signal)[Symbol.asyncIterator]();
  let isOver = false;
  const over = timers.after(withinMs, () => void (isOver = true));
  try {
    while (events.length < limit && !isOver) {
      const came = await within(timers, events.length === 0 ? waitMs : restMs, [signal], () => source.next());
      if (came.kind === 'late' || came.value.done === true) break;
      const taken = counter.take(came.value.value);
      if (taken === null) continue;
      events.push(came.value.value);
      next = taken;
    }
    return { events, next };
  } finally {
    over.cancel();
    ending.abort(new LockstepError('stopped', 'this page of events is full'));
    source.return?.().catch(() => {}); // it ends with the signal's reason, which is ours
  }
}

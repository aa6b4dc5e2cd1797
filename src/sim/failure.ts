import type { TraceEvent } from './trace.ts';
import type { Weather } from './weather.ts';

/**
 * What a simulation found, with all that is needed to look at it again: the seed, the command that replays it, and
 * the newest events of the run (a space-time diagram of them: `svgDiagram`, `htmlDiagram`, `textDiagram`).
 *
 * - `safety`: a claim that must always hold did not, or `World.fail` was called.
 * - `liveness`: what must come to pass did not, within its bound, though all faults had ended; or nothing was left to do.
 * - `threw`: a service threw what is not the environment's doing, or left a rejection unhandled.
 * - `scenario`: the scenario threw; an assertion of the test, mostly. It is the `cause`.
 * - `nondeterminism`: two runs of the seed differed. Something reaches around `env`.
 */
export type Verdict = 'safety' | 'liveness' | 'threw' | 'scenario' | 'nondeterminism';

export interface FailureFacts {
  readonly verdict: Verdict;
  readonly what: string;
  readonly seed: number;
  readonly weather: Weather;
  readonly atMs: number;
  readonly events: readonly TraceEvent[];
  readonly eventCount: number;
  /** What services wait for, a line each. */
  readonly waits: readonly string[];
  readonly cause: unknown;
}

const shownEvents = 12;
const shownWaits = 20;

export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
  readonly verdict: Verdict;
  readonly seed: number;
  /** Milliseconds of the world since the run began. */
  readonly atMs: number;
  readonly #facts: FailureFacts;
  /** The one command that shows it again. */
  readonly replay: string;

  constructor(facts: FailureFacts, replay: string) {
    super(describeFailure(facts, replay), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.verdict = facts.verdict;
    this.seed = facts.seed;
    this.atMs = facts.atMs;
    this.#facts = facts;
    this.replay = replay;
  }

  /** How many events the run had. */
  get eventCount(): number {
    return this.#facts.eventCount;
  }

  /** What the seed chose. */
  get weather(): Weather {
    return this.#facts.weather;
  }

  /** The newest events of the run, oldest first. */
  get events(): readonly TraceEvent[] {
    return this.#facts.events;
  }

  /** What services waited for in the end, a line each. */
  get waits(): readonly string[] {
    return this.#facts.waits;
  }
}

function describeFailure(facts: FailureFacts, replay: string): string {
  const lines = [
    `${facts.verdict}: ${facts.what}`,
    `  seed      ${facts.seed}, after ${(facts.atMs / 1_000).toFixed(3)} s of the world and ${facts.eventCount} events`,
    `  replay    ${replay}`,
    ...facts.waits.slice(0, shownWaits).map((wait) => `  waits     ${wait}`),
    ...facts.events.slice(-shownEvents).map((event) => `  ${printEvent(event)}`),
  ];
  if (facts.waits.length > shownWaits)
    lines.splice(3 + shownWaits, 0, `  waits     … and ${facts.waits.length - shownWaits} more`);
  return lines.join('\n');
}

/** One event on one line: time, where, what. */
export function printEvent({ atMs, kind, node, peer, text }: TraceEvent): string {
  const at = (atMs / 1_000).toFixed(6).padStart(12);
  const where = peer === null ? node : kind === 'deliver' ? `${node} ← ${peer}` : `${node} → ${peer}`;
  return `${at}  ${kind.padEnd(8)} ${where.padEnd(16)}  ${text}`;
}

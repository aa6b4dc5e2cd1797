/**
 * Who tries to lead, one helper for all engines without elections of their own: wait out a silence, pause at random,
 * claim. Nothing here is needed for safety: clocks decide who tries, the log decides who does.
 */
import { LockstepError } from '../kernel/errors.ts';
import { elapsedMs } from '../kernel/time.ts';
import type { WaitEntry, Waits } from '../observe/waits.ts';
import type { LogConfig } from './config.ts';
import type { LogWriter } from './port.ts';
import { isPassing, pause, within, type LogPorts } from './within.ts';

/** What a candidate sees of who leads now. */
export interface Sight {
  /** Changes whenever the holder shows life. */
  readonly mark: string | number;
  /** Nobody leads: it was released, or nobody ever did. Then there is nobody to wait for. */
  readonly vacant: boolean;
}

/** An engine's part. */
export interface Candidacy<T> {
  /** Passing failures (`unavailable`, `overloaded`, `unknown`) are waited out. */
  look(): Promise<Sight>;
  /** Resolves when there may be something to see that the last look did not show; too early is allowed. */
  news(signal: AbortSignal): Promise<void>;
  /** Null: somebody else was faster. `unavailable` and `overloaded` are waited out; other failures end the campaign. */
  claim(): Promise<T | null>;
}

/** A handle on a log, as far as standing for it needs it. */
export interface Standing {
  readonly ports: LogPorts;
  readonly config: LogConfig;
  readonly waits: Waits | null;
  readonly name: string;
  /** What it waits for at first, in words. */
  readonly waitsFor: string;
  readonly signal: AbortSignal | undefined;
  /** Aborted, in a task of its own, when the handle is closed. */
  readonly closing: AbortSignal;
  /** Whether the handle is closed, from the very moment on. */
  readonly isClosed: () => boolean;
}

/**
 * What `acquire` does on every engine: a campaign that stands in the registry of waits. Whoever gave up, or closed the
 * handle, while the claim was under way leads nothing.
 */
export async function stand<W extends LogWriter>(
  standing: Standing,
  candidacyOf: (wait: WaitEntry | null) => Candidacy<W>,
): Promise<W> {
  const { ports, config, waits, name, waitsFor, signal, closing, isClosed } = standing;
  const wait = waits?.enterIfRoom({ what: 'acquire', key: name, waitsFor, withinMs: null }) ?? null;
  try {
    const writer = await campaign(ports, config, candidacyOf(wait), [signal, closing]);
    if (!isClosed() && signal?.aborted !== true) return writer;
    await writer.release();
    signal?.throwIfAborted();
    throw closedLog();
  } finally {
    wait?.leave();
  }
}

export const closedLog = (): LockstepError => new LockstepError('stopped', 'the log is closed');

/**
 * Resolves with what `claim` gave. Waits for as long as another shows life.
 * @throws the reason of the first of `signals` that is aborted, though never while a claim is under way.
 */
export async function campaign<T>(
  ports: LogPorts,
  config: Pick<LogConfig, 'silenceMs' | 'pauseMsMax'>,
  candidacy: Candidacy<T>,
  signals: readonly (AbortSignal | undefined)[],
): Promise<T> {
  const rest = (): Promise<void> => pause(ports.timers, ports.randomness.float() * config.pauseMsMax, signals);
  for (let lost = false; ; lost = true) {
    const sight = await outwait(() => candidacy.look(), rest, signals);
    // Two who see the same silence end claim together; two who see a release do so once, and then pause.
    if (!sight.vacant && !(await silence(ports, config.silenceMs, candidacy, sight, signals))) continue;
    if (!sight.vacant || lost) {
      const pauseMs = ports.randomness.float() * config.pauseMsMax;
      if (!(await silence(ports, pauseMs, candidacy, sight, signals))) continue;
    }
    throwIfAborted(signals);
    const won = await candidacy.claim().catch(async (error: unknown) => {
      if (!isPassing(error) || error.happened === 'unknown') throw error;
      await rest();
      return null;
    });
    if (won !== null) return won;
  }
}

/** Less than this late is how timers are: a pause of next to nothing would else begin anew for ever (found by seed 3474 of the file log). */
const awayMsMin = 100;

/** Whether nothing was seen for so long. A timer that comes much too late says that we were away, not that they were. */
async function silence(
  ports: LogPorts,
  ms: number,
  candidacy: Candidacy<unknown>,
  sight: Sight,
  signals: readonly (AbortSignal | undefined)[],
): Promise<boolean> {
  let from = ports.clock.now();
  for (let leftMs = ms; leftMs > 0; leftMs = ms - elapsedMs(from, ports.clock.now())) {
    const askedAt = ports.clock.now();
    const ended = await within(ports.timers, leftMs, signals, (signal) =>
      candidacy.news(signal).catch(async (error: unknown) => {
        if (!isPassing(error)) throw error;
        await pause(ports.timers, leftMs, [signal]); // not to be reached is silence too
      }),
    );
    if (ended.kind === 'late' && elapsedMs(askedAt, ports.clock.now()) > leftMs + Math.max(ms, awayMsMin)) {
      from = ports.clock.now();
      continue;
    }
    const seen = await candidacy.look().catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      return sight;
    });
    if (seen.mark !== sight.mark || seen.vacant !== sight.vacant) return false;
    if (ended.kind === 'done') await pause(ports.timers, Math.min(50, leftMs), signals);
  }
  return true;
}

async function outwait<T>(
  call: () => Promise<T>,
  rest: () => Promise<void>,
  signals: readonly (AbortSignal | undefined)[],
): Promise<T> {
  for (;;) {
    throwIfAborted(signals);
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await rest();
    }
  }
}

function throwIfAborted(signals: readonly (AbortSignal | undefined)[]): void {
  for (const signal of signals) signal?.throwIfAborted();
}

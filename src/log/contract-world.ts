/** What a case of the contract gets and is made of. The words in which cases are written stand here too. */
import type { Env } from '../env/env.ts';
import { isLockstepError, type ErrorKind } from '../kernel/errors.ts';
import { position } from './coordinates.ts';
import type { Log, LogBatch, LogEngine, LogEntry, LogRecord, LogWriter, Position } from './port.ts';

/** Where a writer can be stopped as SIGSTOP does; for engines that write, sync and check by themselves. */
export type StopStep = 'before the write' | 'between write and sync' | 'between sync and check';

/** What the harness of an engine can do to it. A fault that it cannot do is null, with the reason in `LogHarness.reasons`. */
export interface LogFaults {
  /** The next append or claim of `engine` takes effect, and its answer is lost. */
  readonly loseAnswer: (() => void) | null;
  /** The next append of `engine` is under way until `release`, and takes effect then, if it may. */
  readonly delayAppend: (() => { readonly arrived: Promise<void>; readonly release: () => void }) | null;
  /** The client of `engine` sends its next append twice, by itself. */
  readonly resendAppend: (() => void) | null;
  /** The storage goes back to an older state, up to this position. */
  readonly rollBack: ((name: string, to: Position) => Promise<void>) | null;
  /** The writer of `engine` stops at this step of its next append, until `resume`. */
  readonly stopWriter: ((step: StopStep) => { readonly stopped: Promise<void>; readonly resume: () => void }) | null;
}

export type LogFaultName = keyof LogFaults;

export interface LogCaseWorld {
  readonly env: Env;
  /** The engine, without any logs, as one process has it. */
  readonly engine: LogEngine;
  /** The same logs as another process has them, if the engine can be shared; otherwise as another holder does. */
  readonly other: LogEngine;
  readonly faults: LogFaults;
}

export interface LogHarness {
  /** Runs the body in a world of its own; rejects with what it threw. */
  run(body: (world: LogCaseWorld) => Promise<void>): Promise<void>;
  /** Why a fault cannot be made here. Those that are not named can. */
  readonly reasons: Readonly<Partial<Record<LogFaultName, string>>>;
}

export interface LogCase {
  readonly name: string;
  /** The fault that it cannot do without. */
  readonly needs: LogFaultName | null;
  run(world: LogCaseWorld): Promise<void>;
}

export const logCase = (name: string, run: LogCase['run'], needs: LogFaultName | null = null): LogCase => ({
  name,
  needs,
  run,
});

/** Fails the case: the engine does not keep this. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw broken(what);
}

const broken = (what: string): Error => new Error(`the contract of logs is broken: ${what}`);

/** Compares plain data by its text. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  must(found === wanted, `${what}: expected ${wanted}, found ${found}`);
}

export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

export async function mustThrow(kind: ErrorKind, call: () => unknown, what: string): Promise<void> {
  const failure = await failureOf(call);
  must(isLockstepError(failure, kind), `${what}: expected it to throw \`${kind}\`, found ${String(failure)}`);
}

export async function made(engine: LogEngine, name = 'log'): Promise<Log> {
  const log = await engine.open(name, { create: true });
  must(log !== null, 'open with create gives a log');
  return log;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const textOf = ({ payload }: LogRecord): string => decoder.decode(payload);

/** One revision, the n-th. */
export const entry = (text: string, revision = 1): LogEntry => ({
  payload: encoder.encode(text),
  firstRevision: revision,
  revisionCount: 1,
});

/** Appends all of them, each `appended`. */
export async function append(writer: LogWriter, ...texts: readonly string[]): Promise<Position> {
  let last = writer.start;
  for (const text of texts) {
    const outcome = await writer.append(entry(text));
    must(outcome.kind === 'appended', `'${text}' is appended, not fenced`);
    last = outcome.position;
  }
  return last;
}

export const lead = (log: Log, owner = 'ann'): Promise<LogWriter> => log.acquire({ owner });

/** The records from `from` to `to`, read as a reader would. */
export async function recordsUpTo(log: Log, to: Position, from = 0, chain?: string): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  if (from >= to) return records;
  for await (const batch of log.read(position(from), { chain })) {
    if (batch.kind !== 'records') throw broken(`a batch of records, not ${JSON.stringify(batch)}`);
    must(batch.records.length > 0, 'a batch has at least one record');
    records.push(...batch.records);
    if (records.at(-1)?.position === to || (records.at(-1)?.position ?? 0) > to) break;
  }
  return records.filter((record) => record.position <= to);
}

/** What the log holds now, without claims and empty records, as text. */
export async function textsIn(log: Log): Promise<readonly string[]> {
  const records = await recordsUpTo(log, await log.tail());
  return records.filter(({ revisionCount }) => revisionCount > 0).map(textOf);
}

/** The first batch that is not of records; those before it must be in order. */
export async function endOf(log: Log, from: Position, chain?: string): Promise<LogBatch> {
  for await (const batch of log.read(from, { chain })) if (batch.kind !== 'records') return batch;
  throw broken('a reader ends with the reason');
}

/** Resolves once the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/**
 * Histories from text, as other tools write them: Jepsen's and Knossos' EDN maps, lines of Jepsen's log, JSON lines of
 * the same events, and JSON lines of our own operations. The order of the lines is the time; a `:time` is not looked at.
 */
import { LockstepError } from '../kernel/errors.ts';
import { EdnReader } from './edn.ts';
import type { Operation, Outcome } from './history.ts';

/** A call as files have it: a name and one value. */
export interface TextCall {
  readonly f: string;
  readonly value: unknown;
}

export interface TextOperation {
  /** The line of its invocation, from 1. */
  readonly line: number;
  /** Of our own lines the call is whatever was recorded. */
  readonly operation: Operation<TextCall> | Operation;
  readonly isOurs: boolean;
}

interface TextEvent {
  readonly line: number;
  readonly process: string;
  readonly type: string;
  readonly f: string;
  readonly value: unknown;
}

const types = ['invoke', 'ok', 'fail', 'info'];

export interface ParseOptions {
  /** What an event without an `:f` does. Without it such an event is refused. */
  readonly f?: string | undefined;
  /** A text without any invocation is taken as completions of operations that may all be concurrent. Default: refused. */
  readonly isInvokedAnytime?: boolean | undefined;
}

/**
 * All operations in the order of their invocations. What is no client's (a process without a number, as the nemesis) is
 * left out; what is not completed is unknown.
 * @throws LockstepError `invalid`, with `line` in its values: what cannot be read, a text without an operation, a completion of nothing, a process
 * that begins an operation while it has one under way.
 */
export function parseHistory(text: string, options: ParseOptions = {}): readonly TextOperation[] {
  const first = /^(?:\s|;.*\n)*(\S\s*\S?)/.exec(text)?.[1] ?? '';
  const operations = /^\{\s*"/.test(first)
    ? jsonOperations(text, options)
    : operationsOf(/^[{[(#]/.test(first) ? ednEvents(text, options) : logEvents(text), options);
  if (operations.length === 0) throw refused('there is no operation of a client in this text', 1);
  return operations;
}

function* ednEvents(text: string, options: ParseOptions): Generator<TextEvent> {
  const reader = new EdnReader(text);
  for (let form = reader.next(); form !== null; form = reader.next()) {
    const { value, line } = form;
    for (const one of Array.isArray(value) ? (value as readonly unknown[]) : [value]) yield eventOf(one, line, options);
  }
}

const logShape = /(?:^|\s)(\S+)\s+:(invoke|ok|fail|info)\s+:(\S+)\s*(.*)$/;

/** `INFO  jepsen.util - 0 :invoke :write 3`; lines of a log that are about something else are passed over. */
function* logEvents(text: string): Generator<TextEvent> {
  for (const [at, content] of text.split('\n').entries()) {
    const match = logShape.exec(content.trimEnd());
    if (match === null) continue;
    const [, process = '', type = '', f = '', rest = ''] = match;
    const value = rest === '' ? null : (new EdnReader(rest, at + 1).next()?.value ?? null);
    yield { line: at + 1, process: process.replace(/^:/, ''), type, f, value };
  }
}

function jsonOperations(text: string, options: ParseOptions): readonly TextOperation[] {
  const events: TextEvent[] = [];
  const ours: TextOperation[] = [];
  for (const [at, content] of text.split('\n').entries()) {
    if (content.trim() === '') continue;
    const value = parsedJson(content, at + 1);
    if (typeof value === 'object' && value !== null && 'outcome' in value) ours.push(ourOperation(value, at + 1));
    else events.push(eventOf(value, at + 1, options));
  }
  const [own] = ours;
  if (own !== undefined && events.length > 0) throw refused('lines of two kinds are mixed', own.line);
  return own === undefined
    ? operationsOf(events, options)
    : ours.toSorted((left, right) => left.operation.invokedAt - right.operation.invokedAt);
}

function parsedJson(content: string, line: number): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch (cause) {
    throw refused('this line is no JSON', line, cause);
  }
}

function ourOperation(value: object, line: number): TextOperation {
  const { process, call, invokedAt, outcome } = value as Partial<Operation>;
  const kind = outcome?.kind;
  const isWhole = typeof process === 'string' && call !== undefined && typeof invokedAt === 'number';
  if (!isWhole || outcome === undefined || (kind !== 'ok' && kind !== 'fail' && kind !== 'info')) {
    throw refused('an operation has process, call, invokedAt and an outcome of kind ok, fail or info', line);
  }
  return { line, operation: { process, call, invokedAt, outcome }, isOurs: true };
}

function eventOf(form: unknown, line: number, options: ParseOptions): TextEvent {
  if (typeof form !== 'object' || form === null || Array.isArray(form)) throw refused('an event is a map', line);
  const { process, type, f = options.f, value = null } = form as Readonly<Record<string, unknown>>;
  if (typeof process !== 'string' && typeof process !== 'number') throw refused('an event has no process', line);
  if (typeof type !== 'string' || !types.includes(type)) throw refused('a type is invoke, ok, fail or info', line);
  if (typeof f !== 'string') throw refused('an event has no f', line);
  return { line, process: String(process), type, f, value };
}

function operationsOf(
  events: Iterable<TextEvent>,
  { isInvokedAnytime = false }: ParseOptions,
): readonly TextOperation[] {
  if (!isInvokedAnytime) return paired(events);
  const all = [...events];
  if (all.some(({ type }) => type === 'invoke')) return paired(all);
  return all
    .filter(({ process }) => isClient(process))
    .map(({ line, process, type, f, value }, at): TextOperation => {
      const outcome: Outcome<unknown> =
        type === 'ok' ? { kind: 'ok', at: at + 1, result: value } : { kind: type as 'fail', at: at + 1 };
      return { line, isOurs: false, operation: { process, call: { f, value }, invokedAt: 0, outcome } };
    });
}

const isClient = (process: string): boolean => /^\d+$/.test(process);

function paired(events: Iterable<TextEvent>): readonly TextOperation[] {
  const operations: {
    line: number;
    isOurs: boolean;
    operation: { outcome: Outcome<unknown> } & Operation<TextCall>;
  }[] = [];
  const open = new Map<string, (typeof operations)[number]>();
  let at = 0;
  for (const { line, process, type, f, value } of events) {
    at++;
    if (!isClient(process)) continue;
    const pending = open.get(process);
    if (type === 'invoke') {
      if (pending !== undefined) throw refused(`process ${process} has an operation under way`, line);
      const outcome: Outcome<unknown> = { kind: 'info', at: null };
      const entry = { line, isOurs: false, operation: { process, call: { f, value }, invokedAt: at, outcome } };
      operations.push(entry);
      open.set(process, entry);
      continue;
    }
    if (pending === undefined) throw refused(`process ${process} completes what it did not invoke`, line);
    if (pending.operation.call.f !== f) throw refused(`process ${process} completes another operation`, line);
    open.delete(process);
    const outcome: Outcome<unknown> = type === 'ok' ? { kind: 'ok', at, result: value } : { kind: type as 'fail', at };
    pending.operation = { ...pending.operation, outcome };
  }
  return operations;
}

function refused(what: string, line: number, cause?: unknown): LockstepError {
  return new LockstepError('invalid', what, { values: { line }, cause });
}

/**
 * Operations as bars on lines, one line a process, from invocation to completion; time goes to the right, as wide as
 * the words need, for only the order counts. Drawn as text here and as a page in `timeline-html.ts`.
 */
import { printable } from '../kernel/printable.ts';
import type { Operation } from './history.ts';

/** What a drawing says about an operation besides its words. */
export interface Mark {
  /** Its place in the order that is shown, from 1; null where it is in none. */
  readonly place: number | null;
  readonly tone: 'placed' | 'stuck' | 'free' | 'plain';
}

export interface MarkedOperation {
  readonly operation: Operation;
  /** In the whole history. */
  readonly index: number;
  readonly mark: Mark;
}

export interface Bar extends MarkedOperation {
  readonly label: string;
  /** In characters. */
  readonly from: number;
  /** Null where it has no end. */
  readonly to: number | null;
}

export interface TimelineLine {
  readonly process: string;
  readonly bars: readonly Bar[];
}

export interface TimelineLayout {
  readonly lines: readonly TimelineLine[];
  readonly width: number;
}

export function layOutTimeline(operations: readonly MarkedOperation[]): TimelineLayout {
  const labels = new Map(operations.map((one) => [one, labelOf(one)] as const));
  const columns = columnsOf(operations, labels);
  const width = Math.max(0, ...columns.values()) + 1;
  const lines: { process: string; bars: Bar[] }[] = [];
  const sorted = operations.toSorted((left, right) => left.operation.invokedAt - right.operation.invokedAt);
  for (const one of sorted) {
    const { process, invokedAt, outcome } = one.operation;
    const from = columns.get(beginKey(invokedAt)) ?? 0;
    const to = outcome.kind === 'info' ? null : (columns.get(endKey(outcome.at)) ?? width);
    const bar = { ...one, label: labels.get(one) ?? '', from, to };
    const line = lines.find((other) => other.process === process && (other.bars.at(-1)?.to ?? width + 1) < from);
    if (line === undefined) lines.push({ process, bars: [bar] });
    else line.bars.push(bar);
  }
  const order = [...new Set(lines.map(({ process }) => process))];
  return { lines: lines.toSorted((left, right) => order.indexOf(left.process) - order.indexOf(right.process)), width };
}

const beginKey = (at: number): string => `b${at}`;
const endKey = (at: number): string => `e${at}`;

/** The column of each moment: in order, two apart at least, and an operation's end far enough for its words. */
function columnsOf(
  operations: readonly MarkedOperation[],
  labels: ReadonlyMap<MarkedOperation, string>,
): ReadonlyMap<string, number> {
  const moments = new Map<string, { at: number; isEnd: boolean; begun: readonly [string, number][] }>();
  const endless: [string, number][] = [];
  for (const one of operations) {
    const { invokedAt, outcome } = one.operation;
    const begin = beginKey(invokedAt);
    const length = (labels.get(one) ?? '').length + 3;
    if (!moments.has(begin)) moments.set(begin, { at: invokedAt, isEnd: false, begun: [] });
    if (outcome.kind === 'info') endless.push([begin, length + 1]);
    else {
      const known = moments.get(endKey(outcome.at))?.begun ?? [];
      moments.set(endKey(outcome.at), { at: outcome.at, isEnd: true, begun: [...known, [begin, length]] });
    }
  }
  const columns = new Map<string, number>();
  let last = -2;
  const inOrder = [...moments].toSorted(
    ([, left], [, right]) => left.at - right.at || Number(left.isEnd) - Number(right.isEnd),
  );
  for (const [key, { begun }] of inOrder) {
    last = Math.max(last + 2, ...begun.map(([begin, length]) => (columns.get(begin) ?? 0) + length));
    columns.set(key, last);
  }
  columns.set('end', Math.max(last + 2, ...endless.map(([begin, length]) => (columns.get(begin) ?? 0) + length)));
  return columns;
}

/** The lines, each after its process' name. An operation without an end runs on as dots; ✗ marks what no order reaches. */
export function textTimeline(operations: readonly MarkedOperation[]): string {
  const { lines, width } = layOutTimeline(operations);
  const nameWidth = Math.max(0, ...lines.map(({ process }) => printable(process).length));
  return lines
    .map(({ process, bars }) => {
      let text = printable(process).padEnd(nameWidth + 2);
      const start = text.length;
      for (const { from, to, label, mark } of bars) {
        text = text.padEnd(start + from);
        const inner = ` ${label} `;
        text += to === null ? `├${inner.padEnd(width - from - 1, '┄')}` : `├${inner.padEnd(to - from - 1, '─')}┤`;
        if (mark.tone === 'stuck') text += ' ✗';
      }
      return text.trimEnd();
    })
    .join('\n');
}

function labelOf({ operation, mark }: MarkedOperation): string {
  const place = mark.place === null ? '' : `${mark.place}. `;
  return `${place}${printOperation(operation)}`;
}

/** Kinds whose answer of null says nothing. */
const silent = ['write', 'put', 'delete', 'enqueue', 'add', 'append', 'release', 'cas'];

/** An operation in words: `write 1`, `read → 2`, `cas 1 2 ?`, where `?` is an unknown outcome. */
export function printOperation({ call, outcome }: Operation): string {
  const words = printCall(call);
  switch (outcome.kind) {
    case 'fail':
      return `${words} failed`;
    case 'info':
      return `${words} ?`;
    case 'ok': {
      const says = outcome.result !== undefined && !(outcome.result === null && silent.includes(kindOf(call)));
      return says ? `${words} → ${printValue(outcome.result)}` : words;
    }
  }
}

function printCall(call: unknown): string {
  if (typeof call !== 'object' || call === null) return printValue(call);
  if ('key' in call && 'call' in call) return printCall(call.call);
  if (!('kind' in call)) return printValue(call);
  const { kind, ...values } = call;
  return [String(kind), ...Object.values(values).map(printValue)].join(' ');
}

function kindOf(call: unknown): string {
  if (typeof call !== 'object' || call === null) return String(call);
  if ('key' in call && 'call' in call) return kindOf(call.call);
  return 'kind' in call ? String(call.kind) : '';
}

/** A value on one line, safe to print. */
export function printValue(value: unknown): string {
  if (typeof value === 'string') return printable(value);
  if (value instanceof Map)
    return `{${[...value].map(([key, one]) => `${printValue(key)}: ${printValue(one)}`).join(', ')}}`;
  if (value instanceof Set) return `{${[...value].map(printValue).join(', ')}}`;
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
  return printable(text ?? String(value));
}

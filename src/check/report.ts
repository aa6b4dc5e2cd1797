/** A verdict in words: what no order could place, the longest order there is, and what it makes no difference to. */
import { printable } from '../kernel/printable.ts';
import type { History, Operation } from './history.ts';
import type { LinearizabilityVerdict } from './linearizability.ts';
import type { Counterexample } from './shrink.ts';
import { type MarkedOperation, printOperation, printValue, textTimeline } from './timeline.ts';

const drawnCountMax = 200;
/** In text; a page can be scrolled. */
const textWidthMax = 240;
const namedCountMax = 10;

/** What is drawn of a verdict: the counterexample, or else the operations of one key with their order. */
export function drawnOf(history: History, verdict: LinearizabilityVerdict): readonly MarkedOperation[] {
  switch (verdict.kind) {
    case 'violation':
      return drawnCounterexample(verdict.counterexample);
    case 'ok':
      return drawnOrder(history, [...verdict.order.values()][0] ?? []);
    case 'unknown':
      return [];
  }
}

function drawnCounterexample({ operations, free, prefix, stuck }: Counterexample): readonly MarkedOperation[] {
  const places = new Map(prefix.map(({ index }, at) => [index, at + 1] as const));
  const placedFree = free.filter(({ index }) => places.has(index));
  return [...operations, ...placedFree].map(({ operation, index }): MarkedOperation => {
    const place = places.get(index) ?? null;
    const tone =
      index === stuck ? 'stuck' : operation.outcome.kind === 'info' ? 'free' : place === null ? 'plain' : 'placed';
    return { operation, index, mark: { place, tone } };
  });
}

function drawnOrder(history: History, order: readonly number[]): readonly MarkedOperation[] {
  return order.slice(0, drawnCountMax).map((index, at): MarkedOperation => {
    const operation = history[index] as Operation;
    return { operation, index, mark: { place: at + 1, tone: operation.outcome.kind === 'info' ? 'free' : 'placed' } };
  });
}

/**
 * The verdict as text, with a timeline. Numbers before operations are their places in the order; `?` is an unknown
 * outcome, ✗ what no order could place before it ended.
 */
export function explainLinearizability(history: History, verdict: LinearizabilityVerdict): string {
  const { operationCount, keyCount, stepCount } = verdict.work;
  const extent = `${counted(operationCount, 'operation')}, ${counted(keyCount, 'key')}, ${counted(stepCount, 'step')}`;
  const drawn = drawnOf(history, verdict);
  const timeline = drawn.length === 0 ? [] : ['', drawnAsText(drawn)];
  switch (verdict.kind) {
    case 'ok': {
      const left = [...verdict.order.values()].reduce((sum, order) => sum + order.length, 0) - drawn.length;
      const more = left > 0 ? ['', `${counted(left, 'operation')} more ${left === 1 ? 'is' : 'are'} not drawn`] : [];
      return [`linearizable: ${extent}`, ...timeline, ...more, ''].join('\n');
    }
    case 'unknown':
      return [
        `unknown: ${extent}; the limit of ${verdict.limit} was reached`,
        `not judged: ${named(verdict.keys)}`,
        'what to do: raise the budget, record fewer operations of unknown outcome, or spread the work over more keys',
        '',
      ].join('\n');
    case 'violation':
      return [
        `not linearizable: ${extent}; violated: ${named(verdict.keys)}`,
        ...timeline,
        '',
        ...explainCounterexample(verdict.counterexample),
        '',
      ].join('\n');
  }
}

function drawnAsText(drawn: readonly MarkedOperation[]): string {
  const text = textTimeline(drawn);
  const width = Math.max(...text.split('\n').map((line) => line.length));
  return width <= textWidthMax ? text : `the timeline is ${width} characters wide; the page has it`;
}

function explainCounterexample(example: Counterexample): readonly string[] {
  const cited = [...example.operations, ...example.free];
  const wordsOf = (index: number): string => {
    const found = cited.find((one) => one.index === index);
    return found === undefined
      ? `operation ${index}`
      : `${printable(found.operation.process)}: ${printOperation(found.operation)} (operation ${index})`;
  };
  const steps = example.prefix.map(
    ({ index, state }, at) => `  ${at + 1}. ${wordsOf(index)}, then the state is ${printValue(state)}`,
  );
  const others =
    example.free.length - example.free.filter(({ index }) => example.prefix.some((one) => one.index === index)).length;
  return [
    ...(steps.length === 0 ? [] : ['the order that goes furthest:', ...steps]),
    `cannot be placed before it ended, the state being ${printValue(example.state)}:`,
    `  ${wordsOf(example.stuck)}`,
    ...(example.blocked.length === 0
      ? []
      : ['nor, while it waits:', ...example.blocked.map((one) => `  ${wordsOf(one)}`)]),
    ...(others === 0 ? [] : [`whether and when ${counted(others, 'other operation')} took effect makes no difference`]),
    ...(example.isMinimal ? [] : ['the budget ended before this was as small as it can be']),
  ];
}

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

function named(keys: readonly string[]): string {
  const names = keys.slice(0, namedCountMax).map((key) => (key === '' ? 'the one key' : printable(key)));
  return keys.length > namedCountMax ? `${names.join(', ')} and ${keys.length - namedCountMax} more` : names.join(', ');
}

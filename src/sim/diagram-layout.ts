/**
 * The layout of a space-time diagram (Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System",
 * 1978) in rows and columns, before anybody draws it: a column per node, a row per event, so that time is compressed
 * and dense runs stay legible. Messages are paired, and states (dead, paused, cut off) become spans of rows.
 */
import type { TraceEvent, TraceKind } from './trace.ts';

export interface DiagramRow {
  readonly event: TraceEvent;
  /** Null when it happened on no machine. */
  readonly column: number | null;
  /** How long nothing happened before it, when that is long for this run; null otherwise. */
  readonly gapMs: number | null;
}

export interface DiagramArrow {
  readonly fromColumn: number;
  readonly toColumn: number;
  /** Null: it was sent before the first row. */
  readonly fromRow: number | null;
  /** Null: it is under way when the diagram ends. */
  readonly toRow: number | null;
  readonly end: 'delivered' | 'lost' | 'under-way';
  readonly text: string;
}

export interface DiagramSpan {
  /** `absent`: not started yet, or its service has returned. */
  readonly kind: 'dead' | 'absent' | 'paused' | 'cut';
  readonly column: number;
  /** Where a cut link leads. */
  readonly peerColumn: number | null;
  /** -1: from before the first row. */
  readonly fromRow: number;
  /** The number of rows: beyond the last. */
  readonly toRow: number;
}

export interface DiagramLayout {
  readonly nodes: readonly string[];
  readonly rows: readonly DiagramRow[];
  readonly arrows: readonly DiagramArrow[];
  readonly spans: readonly DiagramSpan[];
  /** Earlier events that are not drawn. */
  readonly hiddenCount: number;
}

/** A row's events are what happens to one node; this is the name of "no node". */
const nowhere = 'world';

export function layOut(events: readonly TraceEvent[], eventCountMax: number): DiagramLayout {
  const shown = events.slice(-eventCountMax);
  const nodes = nodesOf(shown);
  const columns = new Map(nodes.map((node, column) => [node, column]));
  return {
    nodes,
    rows: rowsOf(shown, columns),
    arrows: arrowsOf(shown, columns),
    spans: spansOf(shown, columns),
    hiddenCount: events.length - shown.length,
  };
}

function nodesOf(events: readonly TraceEvent[]): readonly string[] {
  const nodes = new Set<string>();
  for (const { node, peer } of events) for (const name of [node, peer]) if (name !== null) nodes.add(name);
  nodes.delete(nowhere);
  return [...nodes].toSorted(byNumbersInNames);
}

/** `node-10` after `node-9`. */
function byNumbersInNames(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => /^(.*?)(\d{1,15})?$/s.exec(name));
  const [leftText, rightText] = [left?.[1] ?? a, right?.[1] ?? b];
  if (leftText !== rightText) return leftText < rightText ? -1 : 1;
  return Number(left?.[2] ?? -1) - Number(right?.[2] ?? -1) || (a < b ? -1 : 1);
}

function rowsOf(events: readonly TraceEvent[], columns: ReadonlyMap<string, number>): readonly DiagramRow[] {
  const steps = events.map((event, row) => event.atMs - (events[row - 1]?.atMs ?? event.atMs));
  const sorted = steps.filter((step) => step > 0).toSorted((a, b) => a - b);
  const usualMs = sorted[sorted.length >> 1] ?? 0;
  return events.map((event, row) => {
    const step = steps[row] ?? 0;
    return { event, column: columns.get(event.node) ?? null, gapMs: step > usualMs * 8 ? step : null };
  });
}

interface Sent {
  readonly fromColumn: number;
  readonly toColumn: number;
  readonly fromRow: number;
  readonly text: string;
}

function arrowsOf(events: readonly TraceEvent[], columns: ReadonlyMap<string, number>): readonly DiagramArrow[] {
  const arrows: DiagramArrow[] = [];
  const open = new Map<number, Sent>();
  for (const [row, event] of events.entries()) {
    const { kind, message, text } = event;
    const [here, there] = [columns.get(event.node), columns.get(event.peer ?? '')];
    if (message === null || here === undefined) continue;
    if (kind === 'send' && there !== undefined) {
      open.set(message, { fromColumn: here, toColumn: there, fromRow: row, text });
    } else if (kind === 'deliver' || kind === 'lost') {
      const sent = open.get(message);
      open.delete(message);
      const end = kind === 'lost' ? 'lost' : 'delivered';
      if (sent !== undefined) arrows.push({ ...sent, toRow: row, end });
      else if (there !== undefined)
        arrows.push({ fromColumn: there, toColumn: here, fromRow: null, toRow: row, end, text });
    }
  }
  for (const sent of open.values()) arrows.push({ ...sent, toRow: null, end: 'under-way' });
  return arrows;
}

type State = DiagramSpan['kind'] | 'running';
/** What each kind says about the state before it, if it is the first that says anything, and after it. */
const turns: Partial<Record<TraceKind, { readonly before: State; readonly after: State }>> = {
  start: { before: 'absent', after: 'running' },
  end: { before: 'running', after: 'absent' },
  crash: { before: 'running', after: 'dead' },
  pause: { before: 'running', after: 'paused' },
  resume: { before: 'paused', after: 'running' },
  cut: { before: 'running', after: 'cut' },
  mend: { before: 'cut', after: 'running' },
};

function spansOf(events: readonly TraceEvent[], columns: ReadonlyMap<string, number>): readonly DiagramSpan[] {
  const spans: DiagramSpan[] = [];
  const now = new Map<string, Omit<DiagramSpan, 'toRow' | 'kind'> & { readonly kind: State }>();
  const close = (key: string, toRow: number): void => {
    const { kind, ...span } = now.get(key) ?? { kind: 'running' as const, column: 0, peerColumn: null, fromRow: -1 };
    if (kind !== 'running') spans.push({ ...span, kind, toRow });
  };
  for (const [row, { kind, node, peer }] of events.entries()) {
    const turn = turns[kind];
    const column = columns.get(node);
    if (turn === undefined || column === undefined) continue;
    const link = kind === 'cut' || kind === 'mend';
    const key = link ? JSON.stringify([node, peer]) : node;
    const peerColumn = link ? (columns.get(peer ?? '') ?? null) : null;
    if (!now.has(key)) now.set(key, { kind: turn.before, column, peerColumn, fromRow: -1 });
    // A second cut of a cut link changes nothing.
    if (now.get(key)?.kind === turn.after) continue;
    close(key, row);
    now.set(key, { kind: turn.after, column, peerColumn, fromRow: row });
  }
  for (const key of now.keys()) close(key, events.length);
  return spans;
}

/**
 * The names of what goes wrong between transactions, the weakest level that forbids each, and the words for it. Levels
 * are Adya's ("Weak Consistency", 1999): PL-1 read uncommitted, PL-2 read committed, PL-SI snapshot isolation, PL-3
 * serializable. Snapshot isolation forbids exactly the cycles without two adjacent anti-dependencies (Cerone and
 * Gotsman, "Analysing Snapshot Isolation", 2016). Searching is in anomalies-search.ts.
 */
import { unreachable } from '../kernel/assert.ts';
import type { Dependency } from './dependencies.ts';

/** From weak to strong: what a level forbids, those after it forbid too. */
export type IsolationLevel =
  | 'read-uncommitted'
  | 'read-committed'
  | 'snapshot-isolation'
  | 'serializable'
  | 'strict-serializable';
export const isolationLevels: readonly IsolationLevel[] = Object.freeze([
  'read-uncommitted',
  'read-committed',
  'snapshot-isolation',
  'serializable',
  'strict-serializable',
]);

export type AnomalyKind =
  /** A read of a value that nobody wrote. */
  | 'unwritten'
  /** A list with one element twice. */
  | 'duplicate'
  /** Two reads of a list, neither the beginning of the other. */
  | 'incompatible-order'
  /** A transaction that does not see its own writes, or sees them before it writes. */
  | 'internal'
  /** A committed append on top of an aborted one. */
  | 'dirty-update'
  /** Two transactions read one version of a key and both wrote the key. */
  | 'lost-update'
  /** Aborted read; intermediate read. */
  | 'G1a'
  | 'G1b'
  /** Cycles of ww edges; of ww and wr; with exactly one rw. */
  | 'G0'
  | 'G1c'
  | 'G-single'
  /** Cycles with several rw edges, no two of them adjacent; with two adjacent ones (of single keys: G2-item). */
  | 'G-nonadjacent'
  | 'G2';

export interface Anomaly {
  readonly kind: AnomalyKind;
  /** In the words of the field: `write skew`, `long fork`, `read skew`. */
  readonly name: string;
  /** The weakest level that forbids it. */
  readonly level: Exclude<IsolationLevel, 'strict-serializable'>;
  /** Whether the cycle needs the order of a process or of real time; only where these were asked for. */
  readonly order: 'none' | 'process' | 'real-time';
  /** Indexes into the history. */
  readonly transactions: readonly number[];
  /** The key, where it is about one. */
  readonly key: string | null;
  /** Each comes before the next, the last before the first; empty where it is not a cycle. */
  readonly cycle: readonly Dependency[];
  /** What happened, in words; a cycle has one line for each step. */
  readonly text: string;
}

/** How many of one kind are shown; the others are counted. */
export const shownMax = 20;

export const anomalyNames: Readonly<Record<AnomalyKind, string>> = Object.freeze({
  unwritten: 'read of a value that nobody wrote',
  duplicate: 'duplicate element',
  'incompatible-order': 'incompatible orders',
  internal: 'own writes not seen',
  'dirty-update': 'dirty update',
  'lost-update': 'lost update',
  G1a: 'aborted read',
  G1b: 'intermediate read',
  G0: 'dirty write',
  G1c: 'circular information flow',
  'G-single': 'read skew',
  'G-nonadjacent': 'anti-dependencies apart',
  G2: 'anti-dependency cycle',
});

/** An anomaly that is not a cycle, or whose cycle needs no search. */
export function simpleAnomaly(
  kind: AnomalyKind,
  level: Anomaly['level'],
  transactions: readonly number[],
  key: string,
  { text, cycle = [] }: { readonly text: string; readonly cycle?: readonly Dependency[] },
): Anomaly {
  return { kind, name: anomalyNames[kind], level, order: 'none', transactions, key, cycle, text };
}

/** Names a cycle by its kinds of edges. */
export function cycleAnomaly(cycle: readonly Dependency[]): Anomaly {
  const kinds = cycle.map(({ kind }) => kind);
  const kind = cycleKind(kinds);
  const keys = new Set(cycle.flatMap(({ key }) => (key === null ? [] : [key])));
  const name = cycleName(kind, kinds, keys.size);
  const order = kinds.includes('real-time') ? 'real-time' : kinds.includes('process') ? 'process' : 'none';
  const lines = cycle.map((step) => `  T${step.from} is before T${step.to}: ${dependencyText(step)}`);
  return {
    kind,
    name,
    level: levelOf[kind],
    order,
    transactions: cycle.map(({ from }) => from),
    key: keys.size === 1 ? ([...keys][0] ?? null) : null,
    cycle,
    text: `each of these transactions would have to come before itself\n${lines.join('\n')}`,
  };
}

type CycleKind = 'G0' | 'G1c' | 'G-single' | 'G-nonadjacent' | 'G2';

const levelOf: Readonly<Record<CycleKind, Anomaly['level']>> = {
  G0: 'read-uncommitted',
  G1c: 'read-committed',
  'G-single': 'snapshot-isolation',
  'G-nonadjacent': 'snapshot-isolation',
  G2: 'serializable',
};

function cycleKind(kinds: readonly Dependency['kind'][]): CycleKind {
  const count = kinds.filter((kind) => kind === 'rw').length;
  if (count === 0) return kinds.includes('wr') ? 'G1c' : 'G0';
  if (count === 1) return 'G-single';
  return kinds.some((kind, index) => kind === 'rw' && kinds.at(index - 1) === 'rw') ? 'G2' : 'G-nonadjacent';
}

function cycleName(kind: CycleKind, kinds: readonly Dependency['kind'][], keysCount: number): string {
  if (kind === 'G2' && kinds.length === 2 && keysCount === 2) return 'write skew';
  const isFork =
    kinds.length === 4 && kinds.every((one, index) => one === 'rw' || (one === 'wr' && kinds.at(index - 1) === 'rw'));
  return kind === 'G-nonadjacent' && isFork ? 'long fork' : anomalyNames[kind];
}

/** One step of a cycle in words: why `from` comes before `to`. */
export function dependencyText({ from, to, kind, key, before, after }: Dependency): string {
  switch (kind) {
    case 'ww':
      return `T${from} wrote ${before} to ${key}, and T${to} wrote ${after} after it`;
    case 'wr':
      return `T${from} wrote ${before} to ${key}, and T${to} read it`;
    case 'rw':
      return `T${from} read ${key} ${before === null ? 'without a value' : `as of ${before}`}, before T${to} wrote ${after}`;
    case 'process':
      return 'the same process ran one after the other';
    case 'real-time':
      return `T${from} was complete before T${to} began`;
    default:
      return unreachable(kind);
  }
}

/** The anomaly as a paragraph: its name, the level that forbids it, what happened. */
export function anomalyText(anomaly: Anomaly): string {
  const order = anomaly.order === 'none' ? '' : ` with ${anomaly.order} order`;
  return `${anomaly.kind} (${anomaly.name})${order}, not allowed from ${anomaly.level} on: ${anomaly.text}`;
}

/** A Mermaid flowchart of the cycle; null for what is not a cycle. */
export function cycleMermaid({ cycle }: Anomaly): string | null {
  if (cycle.length === 0) return null;
  const arrows = cycle.map(({ from, to, kind, key }) => {
    const label = key === null ? kind : `${kind} ${key.replaceAll(/["&<>#;]/g, (sign) => `#${sign.charCodeAt(0)};`)}`;
    return `  T${from} -->|"${label}"| T${to}`;
  });
  return ['flowchart LR', ...arrows].join('\n');
}

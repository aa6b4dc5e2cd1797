/** What a chaos came to, in a table and one sentence. */
import type { Entry } from './journal.ts';
import type { ChaosResult } from './run.ts';

export interface Conclusion {
  readonly says: string;
  readonly passed: boolean;
}

/**
 * Passed: nothing that breaks a promise of the port, everybody came back, and nothing acknowledged lost. Loss that the
 * raw control has suffered as well is the engine's own: then our readers must have stopped, which the judge has seen to.
 */
export function conclusionOf({ verdict, control, complaints }: ChaosResult): Conclusion {
  const { problems, lost, diverged } = verdict;
  if (problems.length > 0) return { says: `${problems.length} broken promises`, passed: false };
  if (complaints.length > 0) return { says: `${complaints.length} complaints`, passed: false };
  if (lost.length === 0 && control.missing.length === 0)
    return { says: 'nothing acknowledged was lost, reordered or doubled', passed: true };
  const raw = `its own client misses ${control.missing.length} of ${control.acknowledged} acknowledged`;
  if (lost.length === 0) return { says: `ours lost nothing; the engine lost: ${raw}`, passed: true };
  if (control.missing.length > 0)
    return {
      says: `the engine lost: ${raw}, our logs ${lost.length}; ${diverged.length} readers said so`,
      passed: true,
    };
  return { says: `${lost.length} acknowledged records are lost, and its own client lost nothing`, passed: false };
}

type Counted = Exclude<Entry['kind'], 'tries' | 'interrupted'> | 'interrupted';
const columns: readonly Counted[] = [
  'leads',
  'acknowledged',
  'denied',
  'unknown',
  'held',
  'saw',
  'diverged',
  'interrupted',
];

export function printResult(result: ChaosResult): string {
  const { faults, log, verdict, control, complaints } = result;
  const rows = [...byChild(result)].map(([name, { incarnations, counts, furthest }]) => [
    name,
    String(incarnations),
    ...columns.map((kind) => String(counts.get(kind) ?? 0)),
    furthest === 0 ? '' : String(furthest),
  ]);
  const table = [['', 'lives', ...columns, 'saw up to'], ...rows];
  const widths = (table[0] ?? []).map((_, at) => Math.max(...table.map((row) => (row[at] ?? '').length)));
  const claims = log.filter(({ sequence }) => sequence === 0).length;
  const { says, passed } = conclusionOf(result);
  return [
    ...table.map(
      (row) =>
        `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')}`,
    ),
    '',
    `  faults        ${countsOf(faults.map(({ kind }) => kind))}`,
    `  log           ${log.length} records, ${claims} of them claims and releases, last epoch ${log.at(-1)?.epoch ?? 0}`,
    `  raw control   ${control.acknowledged} acknowledged, ${control.unknown} unknown, ${control.missing.length} of the acknowledged missing, ${control.doubled} doubled`,
    `  ours          ${verdict.lost.length} acknowledged missing, ${verdict.diverged.length} readers diverged, ${verdict.problems.length} promises broken`,
    ...section('problem', verdict.problems),
    ...section('lost', verdict.lost),
    ...section('missing in the raw control', control.missing),
    ...section('diverged', verdict.diverged),
    ...section('complaint', complaints),
    '',
    `${passed ? 'PASSED' : 'FAILED'}: ${says}`,
  ].join('\n');
}

const linesMax = 10;

function section(title: string, lines: readonly string[]): readonly string[] {
  const shown = lines.slice(0, linesMax).map((line) => `  ${title}: ${line}`);
  return lines.length <= linesMax ? shown : [...shown, `  … and ${lines.length - linesMax} more`];
}

function countsOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}

interface Summary {
  incarnations: number;
  readonly counts: Map<string, number>;
  furthest: number;
}

function byChild({ journals }: ChaosResult): ReadonlyMap<string, Summary> {
  const all = new Map<string, Summary>();
  for (const [incarnation, entries] of journals) {
    const name = incarnation.replace(/\.\d+$/, '');
    const summary = all.get(name) ?? { incarnations: 0, counts: new Map<string, number>(), furthest: 0 };
    all.set(name, summary);
    summary.incarnations++;
    for (const entry of entries) {
      summary.counts.set(entry.kind, (summary.counts.get(entry.kind) ?? 0) + 1);
      if (entry.kind === 'saw') summary.furthest = Math.max(summary.furthest, entry.position);
    }
  }
  return all;
}

/**
 * The numbers that bars quote: each has a name, and is one side's median by another's of the same row, or one side's
 * alone. A ratio whose side was not measured (its server is missing) is null, and neither met nor missed.
 */
import type { RowResult, SideResult } from './harness.ts';

export interface Ratio {
  /** As it stands in the report: `log-256-vs-redis`. */
  readonly name: string;
  /** The row's name. */
  readonly row: string;
  readonly of: string;
  /** What `of` is divided by: the best of these sides; left out: the number itself is meant. */
  readonly to?: readonly string[];
  readonly figure: Figure;
  readonly bar: { readonly atLeast: number } | { readonly atMost: number };
  /** Beyond the bar; printed, not demanded. */
  readonly aim?: number;
  /** Its row is measured only when it is asked for. */
  readonly isOptional?: boolean;
}

/** A figure of a side, or `{ fact }` by its name. */
export type Figure = 'perSecond' | 'p50Ms' | 'p99Ms' | 'bytesPerSecond' | { readonly fact: string };

export interface Judged {
  readonly name: string;
  readonly value: number | null;
  readonly bar: string;
  readonly aim: number | null;
  /** Null where there is no value. */
  readonly met: boolean | null;
}

export function judge(ratios: readonly Ratio[], results: readonly RowResult[]): readonly Judged[] {
  const measured = ratios.filter(({ isOptional, row }) => !isOptional || results.some(({ name }) => name === row));
  return measured.map((ratio) => {
    const value = valueOf(ratio, results);
    const { name, bar, aim = null } = ratio;
    const [says, met] =
      'atLeast' in bar
        ? [`at least ${bar.atLeast}`, value !== null && value >= bar.atLeast]
        : [`at most ${bar.atMost}`, value !== null && value <= bar.atMost];
    return { name, value, bar: says, aim, met: value === null ? null : met };
  });
}

export function printJudged({ name, value, bar, aim, met }: Judged, quick: boolean): string {
  const aimed = aim === null ? '' : `, aim ${aim}`;
  if (value === null) return `  ${name}: NOT MEASURED (bar: ${bar}${aimed})`;
  const shown = value >= 1_000 ? String(Math.round(value)) : value.toPrecision(3);
  const verdict = quick ? 'not judged in a quick run' : met === true ? 'met' : 'MISSED';
  return `  ${name}: ${shown} (bar: ${bar}${aimed}): ${verdict}`;
}

function valueOf({ name, row, of, to, figure }: Ratio, results: readonly RowResult[]): number | null {
  const sides = results.find((result) => result.name === row)?.sides;
  if (sides === undefined) throw new Error(`the ratio '${name}' names the row '${row}', and there is none`);
  const figuresOf = (names: readonly string[]): readonly number[] =>
    sides
      .filter((side) => names.includes(side.name))
      .map((side) => figureOf(side, figure))
      .filter((value) => value !== null);
  const [top = null] = figuresOf([of]);
  if (to === undefined || top === null) return top;
  const others = figuresOf(to);
  if (others.length === 0) return null;
  const isTime = figure === 'p50Ms' || figure === 'p99Ms';
  return top / (isTime ? Math.min(...others) : Math.max(...others));
}

const figureOf = (side: SideResult, figure: Figure): number | null =>
  typeof figure === 'string' ? side[figure] : (side.facts[figure.fact] ?? null);

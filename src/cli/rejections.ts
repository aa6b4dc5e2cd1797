/**
 * What a node rejected, in a line of `dev`: the first of a code soon, then how many more there were, now and then. So one that
 * nobody looks at in the code is seen here.
 */
import { printable } from '../kernel/printable.ts';
import { commandMetricNames } from '../node/command-metrics.ts';
import type { Metrics } from '../observe/metrics.ts';
import { line } from './line.ts';

/** Between two lines without a new code. */
const quietMs = 30_000;

export class Rejections {
  readonly #metrics: Pick<Metrics, 'snapshot'>;
  /** How many were told, by machine and code. */
  readonly #told = new Map<string, number>();
  #toldAtMs = -Infinity;

  constructor(metrics: Pick<Metrics, 'snapshot'>) {
    this.#metrics = metrics;
  }

  /** Null: nothing is to be told now. */
  line(nowMs: number): string | null {
    const more = this.#counted().filter(([name, count]) => count > (this.#told.get(name) ?? 0));
    const isNew = more.some(([name]) => !this.#told.has(name));
    if (more.length === 0 || (!isNew && nowMs - this.#toldAtMs < quietMs)) return null;
    const words = more.map(([name, count]) => {
      const times = count - (this.#told.get(name) ?? 0);
      this.#told.set(name, count);
      return times === 1 ? name : `${name} ${times} times`;
    });
    this.#toldAtMs = nowMs;
    return line('rejected', ...words);
  }

  #counted(): readonly (readonly [name: string, count: number])[] {
    const counted = this.#metrics.snapshot().find(({ name }) => name === commandMetricNames.rejections);
    if (counted?.kind !== 'counter') return [];
    return counted.series.map(({ labels, value }) => [printable(`${labels['machine']} ${labels['code']}`), value]);
  }
}

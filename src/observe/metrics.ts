/**
 * Counters, gauges and histograms by name, with labels, and one picture of them all as plain data. The way to use
 * them: take the handle once, when the component is built, then `counter.add(1)`, which allocates nothing. Labels
 * come from outside (peers, tenants), so the number of series of one name is bounded. Not an exporter: that prints
 * what `snapshot` gives.
 */
import { LockstepError } from '../kernel/errors.ts';
import { Histogram, type HistogramSnapshot } from './histogram.ts';

/** Only ever grows. Exact up to 2^53. */
export class Counter {
  #value = 0;

  /** @throws LockstepError `misuse` for anything but a finite number of at least 0. */
  add(amount: number): void {
    if (!(amount >= 0 && amount < Infinity))
      throw new LockstepError('misuse', 'a counter grows by finite numbers of at least 0', { values: { amount } });
    this.#value += amount;
  }

  get value(): number {
    return this.#value;
  }
}

export interface MetricDefinition {
  /** Lower case, digits and `_`; the unit comes last: `disk_sync_ms`, `frame_bytes`. */
  readonly name: string;
  /** One line for whoever reads the dashboard. */
  readonly help: string;
}

export interface LabelledDefinition<Label extends string> extends MetricDefinition {
  readonly labels: readonly Label[];
  /** How many series there may be, default 100; a histogram's series takes 6.4 kB. */
  readonly seriesCountMax?: number | undefined;
}

export type Labels<Label extends string = string> = { readonly [L in Label]: string };

/** One value per combination of labels. */
export interface Family<Metric, Label extends string> {
  /**
   * The handle for these labels: ask once, keep it. Values are cut after 200 characters. Past the limit of series
   * everybody gets the one whose labels all read `other`, and the snapshot's `overflowCount` tells how often.
   */
  of(labels: Labels<Label>): Metric;
}

export interface Series<Value> {
  readonly labels: Labels;
  readonly value: Value;
}

interface MetricFacts<Value> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly series: readonly Series<Value>[];
  /** How often somebody was given the series `other` because the limit of series was reached. */
  readonly overflowCount: number;
}

export type MetricSnapshot =
  | ({ readonly kind: 'counter' } & MetricFacts<number>)
  /** `failure`: what its callback threw; then it has no series. */
  | ({ readonly kind: 'gauge'; readonly failure: string | null } & MetricFacts<number>)
  | ({ readonly kind: 'histogram' } & MetricFacts<HistogramSnapshot>);

export interface MetricsOptions {
  /** How many names there may be. Default 1,000. */
  readonly metricCountMax?: number | undefined;
}

const labelLengthMax = 200;
const seriesCountMaxDefault = 100;

/** The registry of one node. Names are taken once; asking again with the same definition gives the same metric. */
export class Metrics {
  readonly #entries = new Map<string, Entry>();
  readonly #metricCountMax: number;

  constructor(options: MetricsOptions = {}) {
    this.#metricCountMax = options.metricCountMax ?? 1_000;
  }

  /** @throws LockstepError `misuse` for a bad name or one that means something else; `overloaded` past the limit of names. */
  counter(definition: MetricDefinition): Counter {
    return this.counters({ ...definition, labels: [] }).of({});
  }

  /** @throws LockstepError as `counter`. */
  counters<const Label extends string>(definition: LabelledDefinition<Label>): Family<Counter, Label> {
    return this.#enter('counter', definition, () => new SeriesOf(definition, () => new Counter()));
  }

  /** @throws LockstepError as `counter`. */
  histogram(definition: MetricDefinition): Histogram {
    return this.histograms({ ...definition, labels: [] }).of({});
  }

  /** @throws LockstepError as `counter`. */
  histograms<const Label extends string>(definition: LabelledDefinition<Label>): Family<Histogram, Label> {
    return this.#enter('histogram', definition, () => new SeriesOf(definition, () => new Histogram()));
  }

  /**
   * A number that is read when somebody looks. What `read` throws stands in the snapshot as this gauge's failure.
   * @throws LockstepError as `counter`, and `misuse` when the name is taken: two callbacks cannot share it.
   */
  gauge(definition: MetricDefinition, read: () => number): void {
    this.gauges({ ...definition, labels: [] }, () => [[{}, read()]]);
  }

  /** As `gauge`, one number for each combination of labels; past the limit the rest is summed up as `other`. */
  gauges<const Label extends string>(
    definition: LabelledDefinition<Label>,
    read: () => Iterable<readonly [Labels<Label>, number]>,
  ): void {
    if (this.#entries.has(definition.name)) throw taken(definition.name);
    this.#add('gauge', definition, new GaugeOf(definition, read));
  }

  /** Forgets a gauge, so that its callback and what it holds can go. `absent` when there is none of this name. */
  removeGauge(name: string): 'removed' | 'absent' {
    if (this.#entries.get(name)?.kind !== 'gauge') return 'absent';
    this.#entries.delete(name);
    return 'removed';
  }

  /** Everything, by name, in the order of the names. A copy: later records do not move it. */
  snapshot(): readonly MetricSnapshot[] {
    return [...this.#entries.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ kind, name, help, labels, metric }): MetricSnapshot => {
        const facts = { name, help, labels };
        if (metric instanceof GaugeOf) return { kind: 'gauge', ...facts, ...metric.read() };
        const { overflowCount } = metric;
        return kind === 'histogram'
          ? { kind, ...facts, overflowCount, series: metric.map((one) => (one as Histogram).snapshot()) }
          : { kind: 'counter', ...facts, overflowCount, series: metric.map((one) => (one as Counter).value) };
      });
  }

  #enter<Metric extends Counter | Histogram, Label extends string>(
    kind: 'counter' | 'histogram',
    definition: LabelledDefinition<Label>,
    make: () => SeriesOf<Metric, Label>,
  ): SeriesOf<Metric, Label> {
    const known = this.#entries.get(definition.name);
    if (known !== undefined) {
      if (known.kind !== kind || known.labels.join() !== definition.labels.join()) throw taken(definition.name);
      return known.metric as SeriesOf<Metric, Label>;
    }
    const metric = make();
    this.#add(kind, definition, metric);
    return metric;
  }

  #add(kind: MetricSnapshot['kind'], definition: LabelledDefinition<string>, metric: Entry['metric']): void {
    const { name, help, labels } = definition;
    for (const word of [name, ...labels])
      if (!/^[a-z][a-z0-9_]{0,99}$/.test(word))
        throw new LockstepError('misuse', 'names of metrics and labels are lower case letters, digits and _', {
          values: { name: word },
        });
    if (this.#entries.size >= this.#metricCountMax)
      throw new LockstepError('overloaded', 'there are too many metrics', {
        values: { name, metricCountMax: this.#metricCountMax },
        advice: ['put what varies into a label, not into the name'],
      });
    this.#entries.set(name, { kind, name, help, labels, metric });
  }
}

interface Entry {
  readonly kind: MetricSnapshot['kind'];
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly metric: SeriesOf<Counter | Histogram, string> | GaugeOf<string>;
}

class SeriesOf<Metric, Label extends string> implements Family<Metric, Label> {
  readonly #labels: readonly Label[];
  readonly #make: () => Metric;
  readonly #countMax: number;
  readonly #series = new Map<string, { readonly labels: Labels; readonly metric: Metric }>();
  overflowCount = 0;

  constructor(definition: LabelledDefinition<Label>, make: () => Metric) {
    this.#labels = definition.labels;
    this.#make = make;
    this.#countMax = definition.seriesCountMax ?? seriesCountMaxDefault;
    if (!(Number.isSafeInteger(this.#countMax) && this.#countMax > 0))
      throw new LockstepError('misuse', 'a metric has room for at least one series', {
        values: { name: definition.name, seriesCountMax: this.#countMax },
      });
  }

  of(labels: Labels<Label>): Metric {
    const values = this.#labels.map((label) => String(labels[label]).slice(0, labelLengthMax).toWellFormed());
    const known = this.#series.get(JSON.stringify(values));
    if (known !== undefined) return known.metric;
    // The last place is kept for `other`.
    if (this.#series.size < this.#countMax - 1 || this.#labels.length === 0) return this.#begin(values);
    this.overflowCount++;
    const other = this.#labels.map(() => 'other');
    return this.#series.get(JSON.stringify(other))?.metric ?? this.#begin(other);
  }

  map<Value>(value: (metric: Metric) => Value): readonly Series<Value>[] {
    return [...this.#series.values()].map(({ labels, metric }) => ({ labels, value: value(metric) }));
  }

  #begin(values: readonly string[]): Metric {
    const labels = Object.fromEntries(this.#labels.map((label, index) => [label, values[index] as string]));
    const metric = this.#make();
    this.#series.set(JSON.stringify(values), { labels, metric });
    return metric;
  }
}

class GaugeOf<Label extends string> {
  readonly #definition: LabelledDefinition<Label>;
  readonly #read: () => Iterable<readonly [Labels<Label>, number]>;

  constructor(definition: LabelledDefinition<Label>, read: () => Iterable<readonly [Labels<Label>, number]>) {
    this.#definition = definition;
    this.#read = read;
  }

  read(): {
    readonly series: readonly Series<number>[];
    readonly overflowCount: number;
    readonly failure: string | null;
  } {
    const sums = new SeriesOf(this.#definition, () => ({ value: 0 }));
    try {
      for (const [labels, value] of this.#read()) sums.of(labels).value += value;
    } catch (error) {
      return { series: [], overflowCount: 0, failure: String(error) };
    }
    return { series: sums.map((sum) => sum.value), overflowCount: sums.overflowCount, failure: null };
  }
}

const taken = (name: string): LockstepError =>
  new LockstepError('misuse', 'this name is taken by another metric', { values: { name } });

/**
 * What a node is doing, asked for once a second as long as somebody looks: rates, partitions, waits; and its newest events as
 * they come. All of it is of bounded size, however long the page is open.
 */
import type { Wait } from '../src/observe/waits.ts';
import type { MetricSnapshot } from '../src/observe/metrics.ts';
import type { Recorded } from '../src/machine/connection.ts';
import type { AnyMachine } from '../src/machine/definition.ts';
import type { NewestEvents } from '../src/node/newest-events.ts';
import type { ToldApp, ToldPartition } from '../src/server/node-handler.ts';
import { nodePaths } from '../src/server/node-paths.ts';
import type { Link } from './link.ts';
import { sampleOf, type Reading, type Sample } from './readings.ts';
import { Ring } from './ring.ts';
import { Store } from './store.ts';

export type AnyEvent = Recorded<AnyMachine>;

/** A time of which nothing is known: charts have a gap there. */
export type SampleOrGap = Sample | { readonly at: Date; readonly gap: true };

const everyMs = 1_000;
const samplesMax = 300;
const eventsMax = 200;
const eventsAtOnce = 50;

export class NodeWatch {
  readonly app: Store<ToldApp | null> = new Store<ToldApp | null>(null);
  readonly samples: Store<readonly SampleOrGap[]> = new Store<readonly SampleOrGap[]>([]);
  readonly partitions: Store<readonly ToldPartition[] | null> = new Store<readonly ToldPartition[] | null>(null);
  readonly waits: Store<readonly Wait[] | null> = new Store<readonly Wait[] | null>(null);
  /** The newest first. */
  readonly events: Store<readonly AnyEvent[] | null> = new Store<readonly AnyEvent[] | null>(null);
  readonly #link: Link;
  readonly #ring = new Ring<SampleOrGap>(samplesMax);
  #last: Reading | null = null;

  constructor(link: Link) {
    this.#link = link;
  }

  /** For as long as the page is there. */
  run(): void {
    void this.#ask();
    void this.#follow();
  }

  async #ask(): Promise<void> {
    for (;;) {
      await visible();
      try {
        await this.#link.timed(() => this.#look());
      } catch {
        this.#gap(); // the link says so
      }
      await this.#pause();
    }
  }

  /** Who has to give the secret first is not kept waiting behind that. */
  async #pause(): Promise<void> {
    if (this.#link.state.value.kind === 'locked') await this.#link.unlocked();
    else await after(everyMs);
  }

  async #look(): Promise<void> {
    const { remote } = this.#link;
    const options = { deadline: '5s' } as const;
    // It may have begun again with other code.
    if (this.#last === null) this.app.set(await remote.get<ToldApp>(nodePaths.definitions, options));
    const [metrics, partitions, waits] = await Promise.all([
      remote.get<readonly MetricSnapshot[]>(nodePaths.metrics, options),
      remote.get<readonly ToldPartition[]>(nodePaths.partitions, options),
      remote.get<readonly Wait[]>(nodePaths.waits(), options),
    ]);
    const now: Reading = { at: new Date(), metrics };
    const sample = this.#last === null ? null : sampleOf(this.#last, now);
    if (sample !== null) this.#add(sample);
    else if (this.#last !== null) this.#gap();
    this.#last = now;
    this.partitions.set(partitions);
    this.waits.set(waits);
  }

  #add(sample: SampleOrGap): void {
    this.#ring.push(sample);
    this.samples.set(this.#ring.list());
  }

  #gap(): void {
    this.#last = null;
    this.#add({ at: new Date(), gap: true });
  }

  /** A page that nobody sees takes no connection: a browser has few for each server. */
  async #follow(): Promise<void> {
    for (;;) {
      await visible();
      const ending = new AbortController();
      const hide = (): void => {
        if (document.hidden) ending.abort();
      };
      document.addEventListener('visibilitychange', hide);
      try {
        const path = `${nodePaths.newestEvents}?limit=${eventsAtOnce}`;
        for await (const { events } of this.#link.remote.follow<NewestEvents>(path, { signal: ending.signal }))
          this.#take(events);
      } catch {
        await this.#pause(); // the link says so
      } finally {
        document.removeEventListener('visibilitychange', hide);
      }
    }
  }

  /** A stream that begins again brings some that are here already. */
  #take(newest: readonly AnyEvent[]): void {
    const ids = new Set(newest.map(({ id }) => id));
    const rest = (this.events.value ?? []).filter(({ id }) => !ids.has(id));
    this.events.set([...newest, ...rest].slice(0, eventsMax));
  }
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener('visibilitychange', () => resolve(), { once: true }));
}

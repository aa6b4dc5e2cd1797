/**
 * What a node tells about itself. Three callers want one lock: two wait for it, one of them longer than it is willing
 * to. While they wait, `explain` says who has it; afterwards the metrics say how long the waiting took.
 */
import { hostEnv, isLockstepError } from 'lockstep';
import { inSpan, Metrics, noTracer, printWaits, Waits, type Tracer, type WaitEntry } from 'lockstep/observe';

const { clock, timers } = hostEnv;

/** One at a time, in the order of asking. */
class Turnstile {
  readonly waits = new Waits(clock, timers, { countMax: 100 });
  readonly metrics = new Metrics();
  // Handles are taken once; using them allocates nothing.
  readonly #waitMs = this.metrics.histogram({ name: 'turn_wait_ms', help: 'how long callers wait for their turn' });
  readonly #outcomes = this.metrics.counters({ name: 'turns', help: 'turns by outcome', labels: ['outcome'] });
  readonly #taken = this.#outcomes.of({ outcome: 'taken' });
  readonly #gaveUp = this.#outcomes.of({ outcome: 'gave-up' });
  readonly #tracer: Tracer;
  #holder: string | null = null;
  #line: { readonly name: string; readonly entry: WaitEntry; readonly enter: () => void }[] = [];

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
    this.metrics.gauge({ name: 'turn_line_count', help: 'callers that wait now' }, () => this.#line.length);
  }

  async take(name: string, withinMs: number): Promise<void> {
    const startedMs = clock.now();
    const about = { what: 'turn', key: name, waitsFor: 'its turn', heldBy: this.#holder, withinMs };
    await inSpan(this.#tracer, 'take a turn', { attributes: { name } }, async () => {
      try {
        await this.waits.until((entry) => this.#nextTurn(name, entry), about);
        this.#taken.add(1);
      } catch (error) {
        this.#line = this.#line.filter((one) => one.name !== name);
        this.#gaveUp.add(1);
        throw error;
      }
    });
    this.#waitMs.record(clock.now() - startedMs);
  }

  leave(): void {
    const next = this.#line.shift();
    this.#holder = next?.name ?? null;
    // Who still waits, waits for somebody else now, and `explain` says so.
    for (const { entry } of this.#line) entry.heldBy = this.#holder;
    next?.enter();
  }

  #nextTurn(name: string, entry: WaitEntry): Promise<void> {
    if (this.#holder === null) {
      this.#holder = name;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#line.push({ name, entry, enter: resolve }));
  }
}

const turnstile = new Turnstile(noTracer); // or fromOpenTelemetry({ … })
await turnstile.take('ann', 1_000);
const bob = turnstile.take('bob', 1_000);
const eve = turnstile.take('eve', 30);
console.log(printWaits(turnstile.waits.explain(), hostEnv.now()));

try {
  await eve;
} catch (error) {
  if (!isLockstepError(error, 'unavailable')) throw error;
  console.log(
    `${error.values['key']} gave up: waited for ${error.values['waitsFor']}, held by ${error.values['heldBy']}`,
  );
}
turnstile.leave();
await bob;

for (const metric of turnstile.metrics.snapshot()) {
  for (const { labels, value } of metric.series)
    console.log(metric.name, labels, typeof value === 'number' ? value : `${value.count} recorded`);
}

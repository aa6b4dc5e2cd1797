/** The span of one transaction in which projections catch up, with links to commands whose events they take. */
import { parseTraceparent, type SpanContext } from '../../observe/traceparent.ts';
import type { Span, Tracer } from '../../observe/tracer.ts';
import type { EventRow } from '../event-row.ts';
import type { Takers } from './catch-up.ts';

/** Of a long stretch these stand for all: exporters keep no more. */
const linksMax = 64;

export class TracedStretch {
  readonly #tracer: Tracer;
  readonly #names: string;
  #span: Span | null = null;
  #count = 0;
  #links: SpanContext[] = [];

  constructor(tracer: Tracer, { first, others }: Takers) {
    this.#tracer = tracer;
    this.#names = [first, ...others].map(({ name }) => name).join(', ');
  }

  /** The transaction runs, perhaps once more: what it took before, it did not. */
  begin(): void {
    this.#count = 0;
    this.#links = [];
  }

  /** The span begins with the first: there is none of a transaction that finds nothing. */
  readonly onRow = ({ trace }: EventRow): void => {
    const attributes = { 'lockstep.projections': this.#names };
    this.#span ??= this.#tracer.start('projections', { kind: 'consumer', parent: null, attributes });
    const context = trace === null ? null : parseTraceparent(trace);
    if (context !== null && this.#count < linksMax) this.#links.push(context);
    this.#count++;
  };

  /** The transaction is over. */
  readonly end = (outcome: unknown): void => {
    for (const context of this.#links) this.#span?.addLink(context);
    this.#span?.setAttribute('lockstep.commands', this.#count);
    if (outcome !== 'done')
      this.#span?.setStatus('error', outcome instanceof Error ? outcome.message : String(outcome));
    this.#span?.end();
  };
}

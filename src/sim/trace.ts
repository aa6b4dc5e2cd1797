/**
 * What happened in a run, newest events only: a ring that the world writes and that failures, diagrams and the
 * fingerprint's comparison read. Times are the world's own, in milliseconds since the run began.
 */

export type TraceKind =
  | 'send' // a frame or request leaves `node` for `peer`
  | 'deliver' // it arrives at `node` from `peer`
  | 'lost' // it never will: a break, a crash
  | 'connect' // `node` tried to connect to `peer`: with what result
  | 'timer'
  | 'disk'
  | 'job'
  | 'start' // a process of `node` starts
  | 'end' // its service returned
  | 'crash'
  | 'pause'
  | 'resume'
  | 'cut' // the link from `node` to `peer` is cut in this direction
  | 'mend'
  | 'clock' // somebody set the clock of `node`
  | 'fault' // the weather did something else: a failed sync, a full disk, rot
  | 'note' // what the service or the scenario said
  | 'fail'; // what was found

export interface TraceEvent {
  readonly atMs: number;
  /** Counts all events of the run; with `atMs` their order. */
  readonly sequence: number;
  readonly kind: TraceKind;
  /** The machine where it happened; `world` when on none. */
  readonly node: string;
  /** The other machine of `send`, `deliver`, `lost`, `cut`, `mend`. */
  readonly peer: string | null;
  /** Pairs a `send` with its `deliver` or `lost`. */
  readonly message: number | null;
  /** For a reader: short, one line. */
  readonly text: string;
}

export class Trace {
  readonly #ring: TraceEvent[] = [];
  readonly #countMax: number;
  #next = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  add(event: TraceEvent): void {
    this.#ring[this.#next % this.#countMax] = event;
    this.#next++;
  }

  /** Oldest first. */
  events(): readonly TraceEvent[] {
    if (this.#next <= this.#countMax) return this.#ring.slice();
    const cut = this.#next % this.#countMax;
    return [...this.#ring.slice(cut), ...this.#ring.slice(0, cut)];
  }

  get count(): number {
    return this.#next;
  }
}

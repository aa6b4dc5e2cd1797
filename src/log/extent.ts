/**
 * How far a log is known to go: to the last record that was acknowledged or read here, or that a reader says it has read
 * before. What a store shows may end earlier. Whoever took that for the end would write beside what was acknowledged.
 */
import { beforeFirst } from './coordinates.ts';
import type { Position } from './port.ts';

export class Extent {
  #last: Position = beforeFirst;

  get last(): Position {
    return this.#last;
  }

  /** A record stands there. */
  saw(position: Position): void {
    if (position > this.#last) this.#last = position;
  }
}

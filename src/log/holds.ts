/** The holds on one log in this process: nothing from the earliest of them on is trimmed. */
import { LockstepError } from '../kernel/errors.ts';
import { position } from './coordinates.ts';
import type { Hold, Position } from './port.ts';

export class Holds {
  readonly #countMax: number;
  readonly #held = new Map<object, Position>();

  constructor(countMax = 10_000) {
    this.#countMax = countMax;
  }

  /** @throws LockstepError `overloaded` when there are too many. */
  take(at: Position): Hold {
    if (this.#held.size >= this.#countMax)
      throw new LockstepError('overloaded', 'too many hold this log', { values: { countMax: this.#countMax } });
    const key = {};
    const held = this.#held;
    held.set(key, at);
    return {
      move(to) {
        const from = held.get(key);
        if (from !== undefined && to > from) held.set(key, to);
      },
      release() {
        held.delete(key);
      },
    };
  }

  /** How far may be trimmed of what is asked. */
  limit(before: Position): Position {
    return position([...this.#held.values()].reduce((least, at) => Math.min(least, at), before as number));
  }
}

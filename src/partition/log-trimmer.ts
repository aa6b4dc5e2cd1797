/** Lets go of what nobody needs of the log, one call at a time; what fails for a while is tried again when more may go. */
import { asError, isLockstepError } from '../kernel/errors.ts';
import type { Log, Position } from '../log/port.ts';
import { isPassing } from '../log/within.ts';

export class LogTrimmer {
  readonly #log: Log;
  readonly #onFailed: (error: Error) => void;
  #trimming: Promise<void> | null = null;
  #trimmedTo = 0;

  /** `onFailed`: of what does not pass. */
  constructor(log: Log, onFailed: (error: Error) => void) {
    this.#log = log;
    this.#onFailed = onFailed;
  }

  /** Null: it is not known from where the log is needed. */
  trim(before: Position | null): void {
    if (before === null || this.#trimming !== null || before <= this.#trimmedTo) return;
    this.#trimmedTo = before;
    this.#trimming = this.#log.trim(before).then(
      () => void (this.#trimming = null),
      (error: unknown) => {
        this.#trimming = null;
        if (isPassing(error) || isLockstepError(error, 'stopped')) return;
        this.#onFailed(asError(error));
      },
    );
  }

  async idle(): Promise<void> {
    await this.#trimming;
  }
}

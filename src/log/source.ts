/** How to reach an engine that is not the directory: what `postgres(…)` and `nats(…)` give and `open({ log })` takes. */
import type { Waits } from '../observe/waits.ts';
import type { LogEngine } from './port.ts';
import type { LogPorts } from './within.ts';

/** An engine that is named and not yet reached. Plain data and one function; making it has no effect. */
export interface LogSource {
  /** Of the engine, as its `LogEngine` has it. */
  readonly name: string;
  /**
   * Connects, looks at the version and the settings of what is there, and refuses what cannot keep the port.
   * @throws LockstepError `unavailable` when it cannot be reached; `invalid` for a version or a setting that will not
   * do, with what would; `misuse` for options that are none, and when the client's package is not installed.
   */
  open(env: LogSourceEnv): Promise<LogEngine>;
}

/** The world an engine is opened in; an `Env` is one. */
export interface LogSourceEnv extends LogPorts {
  /** Where everything that waits is entered, so that `explain` shows it. */
  readonly waits?: Waits | undefined;
}

/**
 * What a node has to say beside its answers: few entries, each of something that somebody may want to know later. They are data;
 * who gives a `Logger` decides where they go and how they look.
 */
export interface LogEntry {
  /** `warn`: it goes on, and somebody should look. `error`: something does not go on. */
  readonly level: 'info' | 'warn' | 'error';
  /** One of few names, such as `leading`. */
  readonly event: string;
  /** What it is about. */
  readonly about: Readonly<Record<string, string | number | boolean | null>>;
  readonly error?: Error | undefined;
}

/** It must not throw, nor wait. */
export type Logger = (entry: LogEntry) => void;

/** An entry as one line of JSON: time, level, event, what it is about, the error's message and stack. */
export function logLine({ level, event, about, error }: LogEntry, at: Date): string {
  const thrown = error === undefined ? {} : { error: error.message, stack: error.stack };
  return JSON.stringify({ at: at.toISOString(), level, event, ...about, ...thrown });
}

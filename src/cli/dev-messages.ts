/** What `lockstep dev` and the process that serves the app for it say to each other. */
import type { ErrorKind } from '../kernel/errors.ts';

/** To the process: import the app now; open it now, as the one before has ended; end. */
export type DevOrder =
  | { readonly kind: 'import' }
  | { readonly kind: 'open'; readonly data: string | undefined; readonly isFresh: boolean }
  | { readonly kind: 'end' };

/** Of the process. */
export type DevNews =
  /** The app imports this file. */
  | { readonly kind: 'file'; readonly file: string }
  /** It is imported, and waits to be opened. */
  | { readonly kind: 'imported' }
  | DevReady
  /** It cannot go on; it ends. */
  | { readonly kind: 'failed'; readonly why: string; readonly error: ErrorKind | null }
  /** A line for who watches. */
  | { readonly kind: 'said'; readonly line: string }
  /** What code of the app threw. */
  | { readonly kind: 'thrown'; readonly what: string };

export interface DevReady {
  readonly kind: 'ready';
  readonly url: string;
  readonly data: string;
  /** Of a first start: what it is and has. */
  readonly started: string;
  /** What changed in the code since it ran over this data the last time. */
  readonly changes: readonly string[];
}

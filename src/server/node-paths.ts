/** Where a node tells about itself: said once, for who serves it and who asks. */
const keyed = (path: string, key: string | undefined): string =>
  key === undefined ? path : `${path}?key=${encodeURIComponent(key)}`;

export const nodePaths = {
  health: '/healthz',
  ready: '/readyz',
  metrics: '/metrics',
  openApi: '/openapi.json',
  asyncApi: '/asyncapi.json',
  definitions: '/definitions',
  /** Where the log is kept, and what an acknowledgement survives. */
  engine: '/engine',
  partitions: '/partitions',
  /** The newest of all machines: `?limit=`. */
  newestEvents: '/events',
  /** An instance's events and the state behind each of them: `?machine=&key=&to=&limit=`. */
  history: '/history',
  projections: '/projections',
  deadLetters: '/dead-letters',
  /** POST: `?name=`. */
  retryProjection: '/projections/retry',
  skipProjectionEvent: '/projections/skip',
  /** POST: `?partition=&id=`. */
  retryDeadLetter: '/dead-letters/retry',
  discardDeadLetter: '/dead-letters/discard',
  /** POST: `?machine=&key=`. */
  archive: '/archive',
  waits: (key?: string): string => keyed('/waits', key),
} as const;

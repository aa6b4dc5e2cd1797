/**
 * What Node attaches to a failed system call. Only the code is looked at: messages differ between systems.
 */

/** The system's code for a refusal, such as `ENOENT`; null if it is none. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

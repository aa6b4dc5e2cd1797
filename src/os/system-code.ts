/**
 * What Node attaches to a failed system call. Only the code is looked at: messages differ between systems.
 */

/** The system's code for a refusal, such as `ENOENT`; null if it is none. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** Whether a call that calls back has failed: Node says null where it has not, Deno undefined. */
export const hasFailed = (error: NodeJS.ErrnoException | null | undefined): error is NodeJS.ErrnoException =>
  error !== null && error !== undefined;

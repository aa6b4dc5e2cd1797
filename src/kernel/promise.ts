/**
 * Functions of users may wait where they should not, or need not. What they return is told from a value by its `then`, as
 * `await` does it, so promises of other libraries are found too.
 */
export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function';

/** Lines of a terminal as all commands print them: a word in a column of its own, then what it is about. */

/** `  committed    version 1`. */
export const line = (word: string, ...about: readonly string[]): string =>
  `  ${word.padEnd(11)}  ${about.filter((one) => one !== '').join(' · ')}`;

/** `1 machine`, `2 machines`. */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** `0.2 s`. */
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** `1.5 MiB`. */
export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

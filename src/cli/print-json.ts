/** What a command found, as JSON for programs. */

/** Indented. Bytes become hexadecimal and bigints decimal text, of which JSON has neither. */
export const jsonText = (found: unknown): string => JSON.stringify(found, asText, 2);

function asText(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return value;
}

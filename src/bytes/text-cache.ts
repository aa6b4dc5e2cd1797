/**
 * Short texts lately read, found by their bytes: names of machines, types and properties stand in row after row, and
 * comparing the bytes costs less than making the text again, and leaves no garbage.
 */
import { textOf } from './utf8.ts';

/** A power of two. Bounds the memory, and what hostile texts can spoil. */
const count = 512;
/** Longer ones are seldom met again. */
const bytesMax = 32;

/** Makes texts of bytes. */
export interface Texts {
  /** As `textOf` of `utf8.ts`. */
  textOf(bytes: Uint8Array, at: number, length: number): string | null;
}

/** Keeps nothing. */
export const plainTexts: Texts = { textOf };

export class TextCache implements Texts {
  readonly #texts: (string | undefined)[] = new Array<string | undefined>(count).fill(undefined);

  textOf(bytes: Uint8Array, at: number, length: number): string | null {
    if (length > bytesMax) return textOf(bytes, at, length);
    if (length === 0) return '';
    const place = placeOf(bytes, at, length);
    const known = this.#texts[place];
    if (known !== undefined && isAscii(known, bytes, at, length)) return known;
    const text = textOf(bytes, at, length);
    if (text?.length === length) this.#texts[place] = text; // ASCII: found again by its bytes
    return text;
  }
}

function placeOf(bytes: Uint8Array, at: number, length: number): number {
  const last = at + length - 1;
  const middle = at + (length >> 1);
  const mixed = (bytes[at] as number) * 5 + (bytes[middle] as number) * 31 + (bytes[last] as number) * 131;
  return (mixed + length * 67) & (count - 1);
}

function isAscii(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) if (text.charCodeAt(index) !== bytes[at + index]) return false;
  return true;
}

/** UTF-8 of short strings, where a loop beats `TextEncoder` and `TextDecoder`, whose every call costs as much as 40 characters. */

/**
 * Writes the string at `at`, where there is room for three bytes a UTF-16 unit, and says where the next byte goes; -1
 * for a string that is not well-formed (lone surrogates).
 */
export function putUtf8(into: Uint8Array, at: number, value: string): number {
  let next = at;
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index);
    if (unit < 0x80) into[next++] = unit;
    else if (unit < 0x800) {
      into[next++] = 0xc0 | (unit >> 6);
      into[next++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      into[next++] = 0xe0 | (unit >> 12);
      into[next++] = 0x80 | ((unit >> 6) & 0x3f);
      into[next++] = 0x80 | (unit & 0x3f);
    } else {
      const point = value.codePointAt(index) as number;
      if (point <= 0xffff) return -1;
      index++;
      into[next++] = 0xf0 | (point >> 18);
      into[next++] = 0x80 | ((point >> 12) & 0x3f);
      into[next++] = 0x80 | ((point >> 6) & 0x3f);
      into[next++] = 0x80 | (point & 0x3f);
    }
  }
  return next;
}

/** Up to this many bytes a loop is faster than `TextDecoder`. */
const loopBytesMax = 24;
/** Keeps nothing between two calls: none of them is a stream's. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of `count` bytes from `at` on; null if they are no UTF-8. A byte order mark is a character like any other. */
export function textOf(bytes: Uint8Array, at: number, count: number): string | null {
  if (count <= loopBytesMax) return shortText(bytes, at, count);
  try {
    return decoder.decode(bytes.subarray(at, at + count));
  } catch {
    return null; // the only error there is: the option `fatal`
  }
}

function shortText(bytes: Uint8Array, at: number, count: number): string | null {
  const units = new Array<number>(count);
  let seen = 0;
  for (let index = 0; index < count; index++) {
    const unit = bytes[at + index] as number;
    seen |= unit;
    units[index] = unit;
  }
  return seen > 0x7f ? shortTextOfAll(bytes, at, at + count) : String.fromCharCode.apply(null, units);
}

/** As Unicode's table 3-7 has it: overlong forms, surrogates and what is past U+10FFFF are no UTF-8. */
function shortTextOfAll(bytes: Uint8Array, start: number, end: number): string | null {
  const points: number[] = [];
  let at = start;
  while (at < end) {
    const first = bytes[at++] as number;
    if (first < 0x80) {
      points.push(first);
      continue;
    }
    const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (first < 0xc2 || first > 0xf4 || at + more > end) return null;
    let point = first & (0x3f >> more);
    for (const stop = at + more; at < stop; at++) {
      const byte = bytes[at] as number;
      if ((byte & 0xc0) !== 0x80) return null;
      point = (point << 6) | (byte & 0x3f);
    }
    const least = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000;
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return null;
    points.push(point);
  }
  return String.fromCodePoint.apply(null, points);
}

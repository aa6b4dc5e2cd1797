/** Bytes as base64 text (RFC 4648, section 4, with padding), and back. */
import { LockstepError } from '../kernel/errors.ts';

/** So many bytes become characters at once: arguments of a call have a bound. */
const bytesAtOnce = 8_192;

export function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += bytesAtOnce)
    text += String.fromCharCode(...bytes.subarray(at, at + bytesAtOnce));
  return btoa(text);
}

/** @throws LockstepError `invalid` for a text that is no base64. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new LockstepError('invalid', 'this is no base64', { cause });
  }
}

/** Whether a request bears the secret, told in a time that says nothing of it. */
import { Sha256 } from '../bytes/sha256.ts';
import type { Asked } from './exchange.ts';

/** `Authorization: Bearer SECRET` (RFC 6750). */
export function bearerOf({ headers }: Pick<Asked, 'headers'>): string | null {
  const [, bearer = null] = /^Bearer +([\w.~+/-]+=*)$/i.exec(headers.get('authorization') ?? '') ?? [];
  return bearer;
}

/** Sums of one length are compared to their end, so neither where they differ nor how long the secret is shows. */
export function isSecret(given: string, secret: string): boolean {
  const [a, b] = [sumOf(given), sumOf(secret)];
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= (a[at] as number) ^ (b[at] as number);
  return difference === 0;
}

function sumOf(text: string): Uint8Array {
  const sum = new Sha256();
  sum.update(new TextEncoder().encode(text));
  return sum.digest();
}

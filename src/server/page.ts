/**
 * The page at `/`: one text with all its scripts and styles, of which nothing runs or is loaded that is not in it. It holds
 * no data, so whoever comes may have it; what it then asks for is answered as anybody's questions are.
 */
import { Sha256 } from '../bytes/sha256.ts';
import type { Asked, Reply } from './exchange.ts';
import { base64Of } from './wire.ts';

/** Answers who asks for the page; null: something else is asked for. */
export function pageAt(path: string, html: string): (asked: Pick<Asked, 'method' | 'url' | 'headers'>) => Reply | null {
  let made: PageHeaders | null = null; // sums of all its text are not for a start at which nobody has asked yet
  return (asked) => {
    const { method, url } = asked;
    if (url.pathname !== path || (method !== 'GET' && method !== 'HEAD')) return null;
    const headers = (made ??= headersOf(html));
    if (asked.headers.get('if-none-match') === headers.etag) return { status: 304, headers, body: null };
    return { status: 200, headers: { ...headers, 'content-type': 'text/html; charset=utf-8' }, body: html };
  };
}

type PageHeaders = Readonly<Record<string, string>> & { readonly etag: string };

const headersOf = (html: string): PageHeaders => ({
  etag: `"${sumOf(html)}"`,
  'cache-control': 'no-cache', // kept, and asked for again: it changes with the server
  'content-security-policy': policyOf(html),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
});

/** Nothing from elsewhere, nothing that was not built in, and in no frame: what slips into the page does not run. */
function policyOf(html: string): string {
  return [
    "default-src 'none'",
    `script-src ${allowed(html, /<script\b[^>]*>([^]*?)<\/script>/g)}`,
    `style-src ${allowed(html, /<style\b[^>]*>([^]*?)<\/style>/g)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** By the sum of what stands between the tags. */
function allowed(html: string, tags: RegExp): string {
  const sums = [...html.matchAll(tags)].map(([, text = '']) => `'sha256-${sumOf(text)}'`);
  return sums.length === 0 ? "'none'" : sums.join(' ');
}

function sumOf(text: string): string {
  const sum = new Sha256();
  sum.update(new TextEncoder().encode(text));
  return base64Of(sum.digest());
}

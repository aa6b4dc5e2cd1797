/** The page at `/`: what may run in it, and that it is asked for again at no cost. */
import { expect, test } from 'vitest';
import { pageAt } from './page.ts';

const html = '<!doctype html><style>b{color:red}</style><script type="module">go()</script>';
const page = pageAt('/', html);
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  page({ method, url: new URL(`http://localhost${path}`), headers: new Headers(headers) });

test('only what is in the page runs, by its sum, and no page of others frames it', () => {
  const policy = String(ask('/')?.headers['content-security-policy']);
  // echo -n 'go()' | openssl dgst -sha256 -binary | base64
  expect(policy).toContain("script-src 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='");
  expect(policy).toContain("style-src 'sha256-ypIZpeWh67Lh3q46jpjGW7VCAJpmEqcFe8Dl5B2rXQU='");
  expect(policy).not.toContain('unsafe');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
});

test('who has it is told that it is the same; other paths and methods are not its own', () => {
  const etag = String(ask('/')?.headers['etag']);
  expect(ask('/', { 'if-none-match': etag })).toMatchObject({ status: 304, body: null });
  expect(ask('/', { 'if-none-match': '"other"' })).toMatchObject({ status: 200, body: html });
  expect([ask('/partitions'), ask('/', {}, 'POST')]).toEqual([null, null]);
});

/**
 * A web `Request` for whoever checks who asks: what is looked at most (method, address, headers) is there at once, all else
 * comes from a real one that is made when somebody looks. It has no body: that has been read.
 */
import type { Address } from '../exchange.ts';

export function lazyRequest(
  url: Address,
  method: string,
  rawHeaders: readonly string[],
  signalOf: () => AbortSignal,
): Request {
  let headers: Headers | null = null;
  let real: Request | null = null;
  const headersOf = (): Headers => (headers ??= new Headers(pairsOf(rawHeaders)));
  const realOf = (): Request => (real ??= new Request(url.href, { method, headers: headersOf(), signal: signalOf() }));
  const known: Readonly<Record<string, () => unknown>> = {
    method: () => method,
    url: () => url.href,
    headers: headersOf,
    signal: signalOf,
  };
  return new Proxy(Object.create(Request.prototype) as Request, {
    get(_target, name) {
      const own = typeof name === 'string' && Object.hasOwn(known, name) ? known[name] : undefined;
      if (own !== undefined) return own();
      const value: unknown = Reflect.get(realOf(), name, realOf());
      return typeof value === 'function' ? (value.bind(realOf()) as unknown) : value;
    },
  });
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2)
    pairs.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
  return pairs;
}

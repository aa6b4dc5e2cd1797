/**
 * Where requests to a server of Node's are addressed. A path means what it says: one that a `URL` would read as another, with
 * dots that climb, backslashes or a fragment, names nothing, so that what stands before this server and looks at paths sees
 * the same. For a path of plain names no `URL` is made, which takes longer than looking up what is asked for.
 */
import type { IncomingMessage } from 'node:http';
import type { Address } from '../exchange.ts';

/** No dots, escapes or fragments: nothing that a `URL` would have otherwise. */
const plain = /^(?:\/[\w~-]+)+(?:\?[^#]*)?$/;

/** Nothing that would end it: a `Host` with a slash would choose the path too. */
const hostShape = /^[\w.~%:[\]-]+$/;

export class Addresses {
  /** The last one that was found to be one: most requests name the same. */
  #host: string | null = null;

  /** Null: it names no place on this server. */
  of({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): Address | null {
    const { host = '' } = headers;
    // Not resolved against a base: `//other.test/` would lead away.
    if (!url.startsWith('/') || !this.#isHost(host)) return null;
    const address = new TargetAddress(host, url);
    return plain.test(url) || address.isExact ? address : null;
  }

  #isHost(host: string): boolean {
    if (host === this.#host) return true;
    if (!hostShape.test(host) || !URL.canParse(`http://${host}/`)) return false;
    this.#host = host;
    return true;
  }
}

class TargetAddress implements Address {
  readonly pathname: string;
  readonly search: string;
  readonly #host: string;
  #url: URL | null = null;

  constructor(host: string, target: string) {
    const at = target.indexOf('?');
    this.#host = host;
    this.pathname = at < 0 ? target : target.slice(0, at);
    this.search = at < 0 ? '' : target.slice(at);
  }

  /** Whether a `URL` has the same path. */
  get isExact(): boolean {
    const url = URL.parse(`http://${this.#host}${this.pathname}${this.search}`);
    return url?.pathname === this.pathname && !this.search.includes('#');
  }

  get searchParams(): URLSearchParams {
    return new URLSearchParams(this.search);
  }

  get host(): string {
    return this.#whole.host;
  }

  get hostname(): string {
    return this.#whole.hostname;
  }

  get href(): string {
    return this.#whole.href;
  }

  get #whole(): URL {
    this.#url ??= new URL(`http://${this.#host}${this.pathname}${this.search}`);
    return this.#url;
  }
}

/**
 * A client of what an app exposes, for browsers and services: `createClient<typeof api>(url)`. Its type is that of the exposed
 * part alone, and a type only: no code of the server is bundled, and nothing is generated.
 */
import type { ClientOf } from '../machine/access.ts';
import type { WebPorts } from '../server/web-ports.ts';
import { webPorts } from '../server/web-ports.ts';
import { Remote, type RemoteSetup } from './remote.ts';

export interface ClientOptions {
  /** Of every request, asked anew each time: who you are, for `authorize`. */
  readonly headers?: RemoteSetup['headers'] | undefined;
  /** Default: the host's. */
  readonly fetch?: WebPorts['fetch'] | undefined;
  /** The world that it waits in. Default: the host's own. */
  readonly ports?: RemoteSetup['ports'] | undefined;
}

/**
 * `url`: where the handler is mounted. Verbs are those of a node, by names. A command is sent again with its one id until it
 * is decided or its deadline comes (30 s); `events` goes on where it broke off.
 * @throws LockstepError from its verbs: `unknown` when the deadline came and it may have happened, `unavailable` when it did
 * not; `misuse` for what is not exposed (404) or not granted (403); `invalid` for data that its schema refuses.
 */
export function createClient<A extends { readonly '~types'?: { grants: unknown } }>(
  url: string,
  options: ClientOptions = {},
): ClientOf<A> {
  const remote = new Remote(remoteSetup(url, options));
  const client: Verbs = {
    send: (machine, key, command, data, about) => remote.send(machine, key, command, data, about),
    read: (machine, key, about) => remote.read(machine, key, about),
    events: (machine, about) => remote.events(machine, about),
    query: (query, input, about) => remote.query(query, input, about),
  };
  return client as unknown as ClientOf<A>; // the server checks names and data, the compiler what is called
}

export function remoteSetup(url: string, { headers, fetch, ports = webPorts }: ClientOptions): RemoteSetup {
  const end = url.endsWith('/') ? url.length - 1 : url.length;
  return {
    url: url.slice(0, end),
    headers: headers ?? (() => ({})),
    ports: fetch === undefined ? ports : { ...ports, fetch },
  };
}

/** The verbs with their types erased. */
interface Verbs {
  readonly send: Remote['send'];
  readonly read: Remote['read'];
  readonly events: Remote['events'];
  readonly query: Remote['query'];
}

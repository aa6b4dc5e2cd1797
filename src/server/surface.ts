/** What a handler makes reachable, and for whom: the exposed part of an app, or all of a node for who is trusted. */
import type { Access, Action } from '../machine/access.ts';
import type { Connection } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import type { AnyQuery } from '../machine/projection/query.ts';
import type { Asked } from './exchange.ts';
import type { HandlerLimits } from './limits.ts';
import type { WebPorts } from './web-ports.ts';

export interface HandlerOptions {
  /** What all paths begin with, where the framework does not take it off: `/api`. Default: nothing. */
  readonly base?: string | undefined;
  readonly limits?: Partial<HandlerLimits> | undefined;
  /** Told what callers are not: what `decide`, `authorize` and the like threw. */
  readonly onError?: ((error: unknown, request: Request) => void) | undefined;
  /** The world that it waits in. Default: the host's own. */
  readonly ports?: Pick<WebPorts, 'timers'> | undefined;
}

export interface Surface {
  readonly connection: Connection;
  /** By name. */
  readonly machines: ReadonlyMap<string, AnyMachine>;
  /** By name. */
  readonly queries: ReadonlyMap<string, AnyQuery>;
  readonly access: (asked: Asked, action: Action) => Promise<Access>;
  /** Whether all who are granted anything are ours: they are told what is there, and may name who asks and why. */
  readonly isTrusted: boolean;
  /** What else is there to read, by its path. */
  readonly pages: ReadonlyMap<string, Page>;
  /** What else there is to do, likewise: asked by POST, with all that it needs in the query. */
  readonly actions: ReadonlyMap<string, Page>;
}

export type Page = (query: URLSearchParams) => Promise<PageContent>;

export type PageContent =
  | { readonly kind: 'value'; readonly value: unknown }
  /** `value`: the same for who asks for a value in our own codec. */
  | { readonly kind: 'text'; readonly type: string; readonly text: () => string; readonly value: unknown }
  /** As it is now, and, for who asks for a stream, as it goes on. */
  | {
      readonly kind: 'changing';
      readonly now: () => Promise<unknown>;
      readonly changes: (signal: AbortSignal) => AsyncIterable<unknown>;
    };

/**
 * The exposed part of an app over HTTP: what `expose` lists, for whom its `authorize` says so. `kind` and `name` of a grant
 * say what it is; the definitions are those of the connection's own app.
 */
import { accessTo, expose as exposed, type Api as ExposedApi, type Authorize } from '../machine/access.ts';
import type { Connection } from '../machine/connection.ts';
import type { AnyMachine } from '../machine/definition.ts';
import type { AnyQuery } from '../machine/projection/query.ts';
import { webHandler, type Handler } from './exchange.ts';
import { exchangeOf } from './handler.ts';
import type { HandlerOptions } from './surface.ts';

export interface Api<G> extends ExposedApi<G> {
  /**
   * A web-standard handler of it: mount it wherever `fetch` handlers are. Commands, states and events by name; nothing
   * else is there. What it throws for is answered as problem details; it never rejects.
   */
  handler(connection: Connection, options?: HandlerOptions): Handler;
}

/**
 * Lists what is reachable; nothing else is. `authorize` names the actor, with a text of 1 to 512 characters, or returns
 * null: 403.
 * @throws LockstepError `misuse` when one of them is listed twice.
 */
export function expose<const G extends readonly { readonly kind: 'allowed' | 'query'; readonly name: string }[]>(
  grants: G,
  authorize: Authorize,
): Api<G[number]> {
  const api = exposed(grants, authorize);
  return {
    ...api,
    handler: (connection, options) =>
      webHandler(
        exchangeOf(
          {
            connection,
            machines: machinesIn(api),
            queries: queriesIn(api),
            access: ({ request }, action) => accessTo(api, request, action),
            isTrusted: false,
            pages: new Map(),
            actions: new Map(),
          },
          options,
        ),
      ),
  };
}

// `allow` alone makes grants with a machine, and `query` alone those of its kind.
const machinesIn = ({ grants }: ExposedApi<unknown>): ReadonlyMap<string, AnyMachine> =>
  new Map(grants.flatMap((grant) => ('machine' in grant ? [[grant.name, grant.machine as AnyMachine]] : [])));
const queriesIn = ({ grants }: ExposedApi<unknown>): ReadonlyMap<string, AnyQuery> =>
  new Map(grants.flatMap((grant) => (grant.kind === 'query' ? [[grant.name, grant as AnyQuery]] : [])));

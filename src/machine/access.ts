/**
 * What of an app is reachable from outside: nothing that is not listed, and nothing without a check of who asks. Data and
 * one pure decision; who serves HTTP asks it. `ClientOf<typeof api>` is the type of a client of it: a type alone, so that a
 * browser bundles no code of the server, and machines and queries are called by their names.
 */
import { LockstepError } from '../kernel/errors.ts';
import type { Token } from '../partition/transaction.ts';
import type { Answer, Committed, Extra, FromState, Recorded, SendOptions, Snapshot } from './connection.ts';
import type { AnyMachine, Arguments, CommandName, CommandsOf, EventsOf, RejectionOf, StateOf } from './definition.ts';
import { isCarried, shownText } from './origin.ts';
import type { Options, Query } from './part.ts';

/** A machine of which these commands may be sent; and read, if it says so. */
export interface Allowed<M extends AnyMachine, C, R> {
  readonly kind: 'allowed';
  readonly name: M['name'];
  readonly machine: AnyMachine;
  readonly send: readonly string[];
  readonly read: boolean;
  readonly '~types'?: { machine: M; send: C; read: R };
}

export function allow<M extends AnyMachine, C extends CommandName<M> = never, R extends boolean = false>(
  machine: M,
  what: {
    readonly send?: readonly C[];
    /** The state, and the events. Default false. */
    readonly read?: R;
  },
): Allowed<M, C, R> {
  const { send = [], read = false } = what;
  for (const command of send)
    if (!Object.hasOwn(machine['~machine'].commands, command))
      throw new LockstepError('misuse', 'this machine has no such command', {
        values: { command: `${machine.name}.${command}` },
      });
  return { kind: 'allowed', name: machine.name, machine, send, read };
}

/** What somebody wants to do. */
export interface Action {
  readonly kind: 'send' | 'read' | 'events' | 'query';
  readonly name: string;
  /** Null for a query over all partitions. */
  readonly key: string | null;
  readonly command?: string;
  readonly input?: unknown;
}

/** Names the actor, with a text of 1 to 512 characters, or returns null: refused. */
export type Authorize = (request: Request, action: Action) => Promise<{ readonly actor: string } | null>;

// `kind` and `name` alone: a constraint that mentioned `allow`'s types would flow into a call within the list and widen
// its commands to `string`.
interface Grant {
  readonly kind: 'allowed' | 'query';
  readonly name: string;
}

export interface Api<G> {
  readonly kind: 'api';
  readonly grants: readonly Grant[];
  readonly authorize: Authorize;
  readonly '~types'?: { grants: G };
}

/**
 * Lists what is reachable.
 * @throws LockstepError `misuse` when one of them is listed twice.
 */
export function expose<const G extends readonly Grant[]>(grants: G, authorize: Authorize): Api<G[number]> {
  const seen = new Set<string>();
  for (const { kind, name } of grants) {
    const id = `${kind} ${name}`;
    if (seen.has(id)) throw new LockstepError('misuse', 'this is exposed twice', { values: { grant: id } });
    seen.add(id);
  }
  return { kind: 'api', grants, authorize };
}

/** `not-exposed`: nobody may; `refused`: this one may not. */
export type Access =
  | { readonly kind: 'granted'; readonly actor: string }
  | { readonly kind: 'not-exposed' | 'refused' }
  /** `authorize` is wrong: what it returned names nobody. `error` says so to whoever wrote it, not to who asks. */
  | { readonly kind: 'failed'; readonly error: LockstepError };

/** Whether the action is listed, then whether who asks may do it. What `authorize` throws is thrown. */
export async function accessTo(api: Api<unknown>, request: Request, action: Action): Promise<Access> {
  if (!api.grants.some((grant) => isGranted(grant, action))) return { kind: 'not-exposed' };
  // Claims of a token are often `any`: the compiler knows nothing of what comes.
  const granted: { readonly actor?: unknown } | null | undefined = await api.authorize(request, action);
  if (granted === null || granted === undefined) return { kind: 'refused' };
  const { actor } = granted;
  if (isCarried(actor)) return { kind: 'granted', actor };
  const error = new LockstepError('misuse', '`authorize` names the actor with a text of 1 to 512 characters', {
    values: { actor: shownText(actor) },
    advice: ['return { actor: String(claims.sub) }, or null for one who may not'],
  });
  return { kind: 'failed', error };
}

function isGranted(grant: Grant, action: Action): boolean {
  if (grant.name !== action.name) return false;
  if (grant.kind === 'query') return action.kind === 'query';
  const { send, read } = grant as Allowed<AnyMachine, unknown, unknown>; // of this kind there are those of `allow` alone
  if (action.kind === 'send') return action.command !== undefined && send.includes(action.command);
  return action.kind !== 'query' && read;
}

type Named<G, N> = Extract<G, { readonly name: N }>;
type MachineNamed<G, N> = Named<G, N> extends Allowed<infer M extends AnyMachine, unknown, unknown> ? M : never;
type SendOf<G, N> =
  Named<G, N> extends Allowed<infer M extends AnyMachine, infer C, unknown> ? C & CommandName<M> : never;
type Sending<G> = G extends Allowed<AnyMachine, infer C, unknown> ? ([C] extends [never] ? never : G['name']) : never;
type Readable<G> = G extends Allowed<AnyMachine, unknown, true> ? G['name'] : never;
type Queries<G> = G extends Query<infer N, unknown, unknown> ? N : never;
type QueryNamed<G, N> = Named<G, N> extends Query<string, infer I, infer R> ? { in: I; result: R } : never;

export interface Client<G> {
  send<
    N extends Sending<G>,
    C extends SendOf<G, N>,
    const O extends Omit<
      SendOptions<FromState<MachineNamed<G, N>, C>>,
      'actor' | 'causedBy' | 'correlationId' | 'trace'
    > = {},
  >(
    machine: N,
    key: string,
    command: C,
    ...input: Arguments<CommandsOf<MachineNamed<G, N>>[C]['in'], O>
  ): Promise<Committed<EventsOf<MachineNamed<G, N>>> | RejectionOf<MachineNamed<G, N>, C> | Extra<O>>;
  read<N extends Readable<G>>(
    machine: N,
    key: string,
    options?: Options<{ after: Token }>,
  ): Promise<Snapshot<StateOf<MachineNamed<G, N>>>>;
  events<N extends Readable<G>>(
    machine: N,
    options?: Options<{ key: string; signal: AbortSignal }>,
  ): AsyncIterable<Recorded<MachineNamed<G, N>>>;
  query<N extends Queries<G>>(
    query: N,
    input: QueryNamed<G, N>['in'],
    options?: Options<{ after: Token }>,
  ): Promise<Answer<QueryNamed<G, N>['result']>>;
}

export type ClientOf<A> = A extends { readonly '~types'?: { grants: infer G } } ? Client<G> : never;

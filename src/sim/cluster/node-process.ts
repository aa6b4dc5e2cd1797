/**
 * A node on a simulated machine: it opens the app over logs that are a service, stands for leading, and answers whoever
 * asks over the network: connections with commands, reads and events, other nodes with messages.
 */
import type { Env } from '../../env/env.ts';
import type { NodeAddress } from '../../env/network.ts';
import { isLockstepError, LockstepError } from '../../kernel/errors.ts';
import type { Duration } from '../../kernel/time.ts';
import { isPassing } from '../../log/within.ts';
import type { App, Part } from '../../machine/app.ts';
import type { AnyMachine } from '../../machine/definition.ts';
import { recordedOf, tokenAt } from '../../machine/event-reader.ts';
import { subscribe } from '../../machine/subscription.ts';
import type { LockstepNode } from '../../node/node.ts';
import { openNode, type NodeOptions } from '../../node/open.ts';
import type { ChannelAnswer, ChannelBatch, ChannelTransport } from '../../partition/channel/transport.ts';
import type { PartitionSettings } from '../../partition/options.ts';
import type { Token } from '../../partition/transaction.ts';
import { answerCalls, call, type Plain } from './calls.ts';
import { failureOf, type NodeAnswer, type NodeRequest, type Where } from './node-calls.ts';

export interface NodeProcess {
  readonly address: NodeAddress;
  readonly app: (env: Env) => App<unknown>;
  /** Those of one incarnation. */
  readonly options: (env: Env) => NodeOptions;
  /** Told of each incarnation that is open. */
  readonly onOpen: (env: Env, node: LockstepNode) => void;
}

/** For nodes in a world where nobody waits long, so that a takeover takes about a second. */
export const quickSettings: Partial<PartitionSettings> = { withinMs: 4_000, clockWaitMsMax: 500, standPauseMsMax: 200 };

/** Another node is asked for so long. */
const deliverMs = 400;
/** Whoever asks for events is told after so long that there are none. */
const eventsMs = 400;

export async function serveNode(env: Env, { address, app, options, onOpen }: NodeProcess): Promise<never> {
  const definition = app(env);
  let node: LockstepNode | null = null;
  const serving = answerCalls(env, address, async (request) => {
    const answer = node === null ? notOpen : await answerTo(env, node, definition, request as unknown as NodeRequest);
    return answer as unknown as Plain; // of outcomes and events, which were stored or can be
  });
  serving.catch(() => {}); // raced below
  node = await Promise.race([openedNode(env, definition, () => options(env)), serving]);
  onOpen(env, node);
  const failure = await Promise.race([node.stopped, serving]);
  await node.close();
  throw failure ?? new LockstepError('stopped', 'the node was closed');
}

const notOpen: NodeAnswer = { kind: 'not-leader', leader: null };

/** Opened as soon as whoever keeps its logs can be reached. */
export async function openedNode(env: Env, app: App<unknown>, options: () => NodeOptions): Promise<LockstepNode> {
  for (;;) {
    try {
      return await openNode(env, app, options());
    } catch (error) {
      if (!isLockstepError(error, 'unavailable') && !isLockstepError(error, 'unknown')) throw error;
    }
    await env.sleep('20ms');
  }
}

/** Messages go to any of the others, until it is the one that leads. */
export function transportTo(env: Env, others: readonly NodeAddress[]): ChannelTransport {
  return {
    deliver: async (to, batch) => {
      const other = others[env.randomness.below(Math.max(1, others.length))];
      if (other === undefined) return { kind: 'not-leader', leader: null };
      const request = { kind: 'deliver', to, batch: batch as unknown as Plain };
      const answered = (await call(env, other, request, deliverMs)) as unknown as NodeAnswer | ChannelAnswer;
      if (answered.kind === 'done') return answered.value as ChannelAnswer;
      return answered.kind === 'taken' || answered.kind === 'gap' ? answered : { kind: 'not-leader', leader: null };
    },
  };
}

async function answerTo(env: Env, node: LockstepNode, app: App<unknown>, request: NodeRequest): Promise<NodeAnswer> {
  try {
    switch (request.kind) {
      case 'send':
        return await send(node, partNamed(app, 'machine', request.machine), request);
      case 'read':
        return await read(node, partNamed(app, 'machine', request.machine), request);
      case 'query':
        return done(await query(node, partNamed(app, 'query', request.name), request));
      case 'newest':
        return await newest(node, request.where);
      case 'events':
        return done(await someEvents(env, node, partNamed(app, 'machine', request.machine), request));
      case 'deliver':
        return done(await node.partitions.receive(request.to, request.batch as ChannelBatch));
    }
  } catch (error) {
    // What breaks the node ends it by `stopped`; what else is thrown is the caller's to hear.
    return { kind: 'failed', failure: failureOf(error) };
  }
}

const done = (value: unknown): NodeAnswer => ({ kind: 'done', value });

type PartOf<K extends Part['kind']> = Extract<Part, { readonly kind: K }>;

function partNamed<K extends Part['kind']>({ parts }: App<unknown>, kind: K, name: string): PartOf<K> {
  const found = parts.find((part): part is PartOf<K> => part.kind === kind && part.name === name);
  if (found !== undefined) return found;
  throw new LockstepError('misuse', `this ${kind} is no part of the app`, {
    values: { [kind]: name },
    advice: ['defineApp({ name, parts: [ …, it ] })'],
  });
}

const indexOf = ({ partitions }: LockstepNode, where: Where): number =>
  'key' in where ? partitions.indexOf(where.key) : where.index;

/** Null: it believes that it leads. */
function otherLeader(node: LockstepNode, index: number): NodeAnswer | null {
  const { kind, leader } = node.partitions.at(index).status;
  return kind === 'leading' ? null : { kind: 'not-leader', leader };
}

type RequestOf<K extends NodeRequest['kind']> = Extract<NodeRequest, { readonly kind: K }>;

async function send(
  node: LockstepNode,
  machine: AnyMachine,
  { key, command, data, commandId, expectedVersion, fence, withinMs }: RequestOf<'send'>,
): Promise<NodeAnswer> {
  const other = otherLeader(node, node.partitions.indexOf(key));
  if (other !== null) return other;
  return done(
    await node.send(machine, key, command, data, { commandId, expectedVersion, fence, deadline: msOf(withinMs) }),
  );
}

async function read(
  node: LockstepNode,
  machine: AnyMachine,
  { key, after, maxAgeMs }: RequestOf<'read'>,
): Promise<NodeAnswer> {
  const isNewest = after === undefined && maxAgeMs === undefined;
  const other = isNewest ? otherLeader(node, node.partitions.indexOf(key)) : null;
  if (other !== null) return other;
  return done(await node.read(machine, key, { after, maxAge: maxAgeMs === undefined ? undefined : `${maxAgeMs}ms` }));
}

function query(
  node: LockstepNode,
  definition: PartOf<'query'>,
  { input, after, partial, withinMs }: RequestOf<'query'>,
): Promise<unknown> {
  return node.query(definition, input, { after, partial, deadline: msOf(withinMs) });
}

const msOf = (ms: number): Duration => `${Math.max(1, Math.floor(ms))}ms`;

async function newest(node: LockstepNode, where: Where): Promise<NodeAnswer> {
  const index = indexOf(node, where);
  const outcome = await node.partitions.at(index).read('linearizable', { withinMs: deliverMs });
  if (outcome.kind === 'not-leader') return outcome;
  if (outcome.kind !== 'snapshot') return notOpen;
  using snapshot = outcome;
  return done(snapshot.revision === 0 ? null : snapshot.token);
}

/** What `events` answers: whole rows, and where to go on. */
export interface SomeEvents {
  readonly events: readonly unknown[];
  /** Null: there were none. */
  readonly token: Token | null;
}

async function someEvents(
  env: Env,
  node: LockstepNode,
  machine: AnyMachine,
  { where, from }: RequestOf<'events'>,
): Promise<SomeEvents> {
  const stop = new AbortController();
  const timer = env.timers.after(eventsMs, () => stop.abort(new LockstepError('stopped', 'long enough')));
  const key = 'key' in where ? where.key : undefined;
  const about = { machine: machine.name, key, from, signal: stop.signal };
  try {
    for await (const { rows, token } of subscribe(env, node.partitions.at(indexOf(node, where)), about))
      return { events: rows.flatMap((row) => recordedOf(machine, row, tokenAt(token, row.revision))), token };
  } catch (error) {
    if (!stop.signal.aborted && !isPassing(error)) throw error;
  } finally {
    timer.cancel();
  }
  return { events: [], token: null };
}

/**
 * All of a node over HTTP, for who is trusted: every machine and query of its app, and what the node tells about itself. The
 * command line, a dashboard and `connect` talk to this.
 */
import { LockstepError } from '../kernel/errors.ts';
import { machinesOf } from '../machine/runtime.ts';
import { contractOf } from '../machine/contract.ts';
import type { AnyQuery } from '../machine/projection/query.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { LockstepNode } from '../node/node.ts';
import { asyncApiOf } from './async-api.ts';
import { bearerOf, isSecret } from './bearer.ts';
import { webHandler, type Asked, type Exchange, type Handler, type Reply } from './exchange.ts';
import { exchangeOf } from './handler.ts';
import { nodePaths } from './node-paths.ts';
import { openApiOf } from './open-api.ts';
import { openMetricsOf, openMetricsType } from './open-metrics.ts';
import { commonHeaders, problemReply, refusal } from './problem.ts';
import type { HandlerOptions, Page, Surface } from './surface.ts';
import { decodedText, headerNames, jsonOf, jsonType } from './wire.ts';

export interface NodeHandlerOptions extends HandlerOptions {
  /** The secret that every request must bear, at least 16 characters. */
  readonly bearer: string;
  /** What `/metrics` tells. Default: nothing but what the node itself says. */
  readonly metrics?: Metrics | undefined;
}

const bearerUnitsMin = 16;

/**
 * A web-standard handler of all of a node, for callers that bear the secret; others are told no more than whether it lives.
 * @throws LockstepError `misuse` for a secret that is too short.
 */
export function nodeHandler(node: LockstepNode, options: NodeHandlerOptions): Handler {
  const { bearer, base = '' } = options;
  if (bearer.length < bearerUnitsMin)
    throw new LockstepError('misuse', 'a bearer is long enough not to be guessed', { values: { bearerUnitsMin } });
  const trusted = trustedExchange(node, options);
  return webHandler(async (asked) => {
    const health = healthOf(node, asked, base);
    if (health !== null) return health;
    const given = bearerOf(asked);
    return given !== null && isSecret(given, bearer) ? trusted(asked) : unauthorized(base);
  });
}

export function unauthorized(base: string): Reply {
  const error = new LockstepError('misuse', 'who asks is not known here', {
    advice: ['send the secret that this server was given: Authorization: Bearer …'],
  });
  return problemReply(refusal(401, error, { 'www-authenticate': 'Bearer' }), base);
}

/** For callers that are known to be trusted. */
export function trustedExchange(
  node: LockstepNode,
  options: HandlerOptions & Pick<NodeHandlerOptions, 'metrics'> = {},
): Exchange {
  return exchangeOf(surfaceOf(node, options), options);
}

/** Whether it lives, and whether it leads all its partitions: for whoever asks, as nothing else is told. Null: another path. */
export function healthOf(node: LockstepNode, { url, method }: Asked, base = ''): Reply | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  if (url.pathname === base + nodePaths.health) return stateReply(200, 'alive');
  if (url.pathname !== base + nodePaths.ready) return null;
  const leads = statusesOf(node).every(({ kind }) => kind === 'leading');
  return leads ? stateReply(200, 'ready') : stateReply(503, 'not-ready');
}

const stateReply = (status: number, state: string): Reply => ({
  status,
  headers: { ...commonHeaders, 'content-type': jsonType },
  body: jsonOf({ state }),
});

function surfaceOf(node: LockstepNode, options: HandlerOptions & Pick<NodeHandlerOptions, 'metrics'>): Surface {
  return {
    connection: node,
    machines: machinesOf(node.app),
    queries: new Map(
      node.app.parts.flatMap((part) => (part.kind === 'query' ? [[part.name, part as AnyQuery] as const] : [])), // `query` alone makes these
    ),
    access: async ({ headers }) => {
      const actor = headers.get(headerNames.actor);
      return { kind: 'granted', actor: actor === null ? remoteActor : decodedText(actor) };
    },
    isTrusted: true,
    pages: pagesOf(node, options),
    actions: actionsOf(node),
  };
}

/** Who asks where a trusted caller names nobody. */
const remoteActor = 'remote';

function pagesOf(
  node: LockstepNode,
  { metrics, base = '' }: HandlerOptions & Pick<NodeHandlerOptions, 'metrics'>,
): ReadonlyMap<string, Page> {
  const { app } = node;
  return new Map<string, Page>([
    [nodePaths.definitions, async () => ({ kind: 'value', value: definitionsOf(node) })],
    [nodePaths.partitions, async () => ({ kind: 'value', value: statusesOf(node) })],
    [nodePaths.projections, async () => ({ kind: 'value', value: await node.projections() })],
    [nodePaths.deadLetters, async () => ({ kind: 'value', value: await node.deadLetters() })],
    [
      nodePaths.waits(),
      async (query) => ({ kind: 'value', value: await node.explain({ key: query.get('key') ?? undefined }) }),
    ],
    [nodePaths.openApi, async () => ({ kind: 'value', value: openApiOf(app, base) })],
    [nodePaths.asyncApi, async () => ({ kind: 'value', value: asyncApiOf(app) })],
    [
      nodePaths.metrics,
      async () => ({ kind: 'text', type: openMetricsType, text: openMetricsOf(metrics?.snapshot() ?? []) }),
    ],
  ]);
}

/** How what stands still goes on. */
function actionsOf(node: LockstepNode): ReadonlyMap<string, Page> {
  const letter = (query: URLSearchParams) => ({
    partition: Number(query.get('partition') ?? 0),
    id: query.get('id') ?? '',
  });
  return new Map<string, Page>([
    [nodePaths.retryProjection, async (query) => told(await node.retryProjection(query.get('name') ?? ''))],
    [nodePaths.skipProjectionEvent, async (query) => told(await node.skipProjectionEvent(query.get('name') ?? ''))],
    [nodePaths.retryDeadLetter, async (query) => told(await node.retryDeadLetter(letter(query)))],
    [nodePaths.discardDeadLetter, async (query) => told(await node.discardDeadLetter(letter(query)))],
  ]);
}

const told = (value: unknown) => ({ kind: 'value', value }) as const;

function definitionsOf({ app }: LockstepNode): unknown {
  const parts = app.parts.map(({ kind, name }) => ({ kind, name }));
  return { ...contractOf(app), parts };
}

/** Plain data: errors as what they say. */
function statusesOf({ partitions }: LockstepNode) {
  return partitions.map.partitions.map((index) => {
    const { kind, epoch, leader, revision, token, failure, level, checkpointFailure } = partitions.at(index).status;
    const failures = { failure: failure?.message ?? null, checkpointFailure: checkpointFailure?.message ?? null };
    return { index, kind, epoch: epoch === null ? null : Number(epoch), leader, revision, token, level, ...failures };
  });
}

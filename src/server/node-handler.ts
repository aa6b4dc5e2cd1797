/**
 * All of a node over HTTP, for who is trusted: every machine and query of its app, and what the node tells about itself. The
 * command line, a dashboard and `connect` talk to this.
 */
import type { Timers } from '../env/timers.ts';
import { LockstepError } from '../kernel/errors.ts';
import type { EventPlace } from '../machine/projection/state.ts';
import type { App } from '../machine/app.ts';
import type { AnyMachine } from '../machine/definition.ts';
import { machinesOf } from '../machine/runtime.ts';
import { contractOf, shapeOf, type Contract, type Shape } from '../machine/contract.ts';
import type { AnyQuery } from '../machine/projection/query.ts';
import type { Metrics, MetricSnapshot } from '../observe/metrics.ts';
import { historyOf, type History } from '../node/history.ts';
import { followNewest, newestEvents } from '../node/newest-events.ts';
import type { LockstepNode } from '../node/node.ts';
import type { PartitionStatus } from '../partition/partition-status.ts';
import { asyncApiOf } from './async-api.ts';
import { bearerOf, isSecret } from './bearer.ts';
import { webHandler, type Asked, type Exchange, type Handler, type Reply } from './exchange.ts';
import { exchangeOf } from './handler.ts';
import { nodePaths } from './node-paths.ts';
import { openApiOf } from './open-api.ts';
import { openMetricsOf, openMetricsType } from './open-metrics.ts';
import { commonHeaders, problemReply, refusal } from './problem.ts';
import { countOf, keyOf } from './request-fields.ts';
import type { HandlerOptions, Page, PageContent, Surface } from './surface.ts';
import { webPorts } from './web-ports.ts';
import { decodedText, headerNames, jsonOf, jsonType } from './wire.ts';

export interface NodeHandlerOptions extends HandlerOptions {
  /** The secret that every request must bear, at least 16 characters. */
  readonly bearer: string;
  /** What `/metrics` tells beside what the node itself counts. Default: nothing. */
  readonly metrics?: Metrics | undefined;
  /** What else trusted callers may have done, by its path: asked by POST, with all that it needs in the query. */
  readonly actions?: Readonly<Record<string, NodeAction>> | undefined;
}

/** Its answer is plain data. What may take longer than an answer may says how far it is, and is asked again. */
export type NodeAction = (query: URLSearchParams) => Promise<unknown>;

/** What is served of a node, whoever is trusted. */
type Offered = Omit<NodeHandlerOptions, 'bearer'>;

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
export function trustedExchange(node: LockstepNode, options: Offered = {}): Exchange {
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

function surfaceOf(node: LockstepNode, options: Offered): Surface {
  return {
    connection: node,
    machines: machinesOf(node.app),
    queries: new Map(queriesOf(node.app).map((query) => [query.name, query])),
    access: async ({ headers }) => {
      const actor = headers.get(headerNames.actor);
      return { kind: 'granted', actor: actor === null ? remoteActor : decodedText(actor) };
    },
    isTrusted: true,
    pages: pagesOf(node, options),
    actions: actionsOf(node, options.actions),
  };
}

/** Who asks where a trusted caller names nobody. */
const remoteActor = 'remote';

function pagesOf(node: LockstepNode, { metrics, base = '', ports }: Offered): ReadonlyMap<string, Page> {
  const { app } = node;
  const { timers } = ports ?? webPorts;
  return new Map<string, Page>([
    [nodePaths.definitions, async () => told(definitionsOf(node))],
    [nodePaths.engine, async () => told(node.engine)],
    [nodePaths.partitions, async () => told(statusesOf(node))],
    [nodePaths.projections, async () => told(await node.projections())],
    [nodePaths.deadLetters, async () => told(await node.deadLetters())],
    [nodePaths.waits(), async (query) => told(await node.explain({ key: query.get('key') ?? undefined }))],
    [nodePaths.newestEvents, async (query) => newestOf(node, timers, query)],
    [nodePaths.history, async (query) => told(await pageOfHistory(node, timers, query))],
    [nodePaths.openApi, async () => told(openApiOf(app, base))],
    [nodePaths.asyncApi, async () => told(asyncApiOf(app))],
    [nodePaths.metrics, async () => metricsPage(countedBy(node, metrics))],
  ]);
}

const lookDefault = 100;
const lookMax = 500;
const limitOf = (query: URLSearchParams): number => Math.min(countOf(query.get('limit')) ?? lookDefault, lookMax);

function newestOf(node: LockstepNode, timers: Timers, query: URLSearchParams): PageContent {
  const { partitions } = node;
  const machines = machinesOf(node.app);
  const limit = limitOf(query);
  return {
    kind: 'changing',
    now: () => newestEvents(partitions, machines, { limit, seen: new Map() }),
    changes: (signal) => followNewest({ partitions, machines, timers }, limit, signal),
  };
}

/** @throws LockstepError `invalid` for a machine that there is none. */
function machineIn({ app }: LockstepNode, query: URLSearchParams): AnyMachine {
  const name = query.get('machine') ?? '';
  const machine = machinesOf(app).get(name);
  if (machine !== undefined) return machine;
  throw new LockstepError('invalid', 'the app has no such machine', { values: { machine: name.slice(0, 100) } });
}

/** @throws as `machineIn`, and `historyOf`. */
function pageOfHistory(node: LockstepNode, timers: Timers, query: URLSearchParams): Promise<History> {
  const machine = machineIn(node, query);
  const asked = { to: countOf(query.get('to')), limit: limitOf(query) };
  return historyOf({ partitions: node.partitions, timers }, machine, keyOf(query), asked);
}

const metricsPage = (counted: readonly MetricSnapshot[]): PageContent => ({
  kind: 'text',
  type: openMetricsType,
  text: () => openMetricsOf(counted),
  value: counted,
});

function countedBy(node: LockstepNode, metrics: Metrics | undefined): readonly MetricSnapshot[] {
  const own = node.metrics.snapshot();
  return metrics === undefined || metrics === node.metrics ? own : [...own, ...metrics.snapshot()];
}

/** Of one request, so that whoever asks can tell how far it is, and no answer is long in coming. */
const archivedMax = 5_000;

/** The event of a skip; undefined: whichever it stopped at. */
function eventIn(query: URLSearchParams): EventPlace | undefined {
  const [machine, key, version] = ['machine', 'key', 'version'].map((name) => query.get(name));
  if (typeof machine !== 'string' || typeof key !== 'string') return undefined;
  return { machine, key, version: Number(version) };
}

/** How what stands still goes on, and what is over is packed. */
function actionsOf(node: LockstepNode, others: NodeHandlerOptions['actions'] = {}): ReadonlyMap<string, Page> {
  const letter = (query: URLSearchParams) => ({
    partition: Number(query.get('partition') ?? 0),
    id: query.get('id') ?? '',
  });
  return new Map<string, Page>([
    [nodePaths.retryProjection, async (query) => told(await node.retryProjection(query.get('name') ?? ''))],
    [
      nodePaths.skipProjectionEvent,
      async (query) => told(await node.skipProjectionEvent(query.get('name') ?? '', eventIn(query))),
    ],
    [nodePaths.retryDeadLetter, async (query) => told(await node.retryDeadLetter(letter(query)))],
    [nodePaths.discardDeadLetter, async (query) => told(await node.discardDeadLetter(letter(query)))],
    [
      nodePaths.archive,
      async (query) => told(await node.archive(machineIn(node, query), keyOf(query), { eventsMax: archivedMax })),
    ],
    ...Object.entries(others).map(([path, act]): [string, Page] => [path, async (query) => told(await act(query))]),
  ]);
}

const told = (value: unknown) => ({ kind: 'value', value }) as const;

/** An app as `/definitions` tells it. */
export interface ToldApp extends Contract {
  readonly parts: readonly { readonly kind: string; readonly name: string }[];
  /** What each query is asked with, by its name. */
  readonly queries: Readonly<Record<string, Shape>>;
}

function definitionsOf({ app }: LockstepNode): ToldApp {
  const parts = app.parts.map(({ kind, name }) => ({ kind, name }));
  const inputs = queriesOf(app).map((query) => [query.name, shapeOf(query['~query'].input, 'input')] as const);
  return { ...contractOf(app), parts, queries: Object.fromEntries(inputs) };
}

const queriesOf = ({ parts }: App<unknown>): readonly AnyQuery[] =>
  parts.flatMap((part) => (part.kind === 'query' ? [part as AnyQuery] : [])); // `query` alone makes these

/** A partition as `/partitions` tells it. Plain data: errors as what they say. */
export interface ToldPartition extends Omit<PartitionStatus, 'epoch' | 'failure' | 'checkpointFailure' | 'lastEnd'> {
  readonly index: number;
  readonly epoch: number | null;
  readonly failure: string | null;
  readonly checkpointFailure: string | null;
}

function statusesOf({ partitions }: LockstepNode): readonly ToldPartition[] {
  return partitions.map.partitions.map((index) => {
    const { epoch, failure, checkpointFailure, lastEnd: _lastEnd, ...rest } = partitions.at(index).status;
    const failures = { failure: failure?.message ?? null, checkpointFailure: checkpointFailure?.message ?? null };
    return { index, ...rest, epoch: epoch === null ? null : Number(epoch), ...failures };
  });
}

/**
 * Opens an app's node over any env and any log: its machines run on partitions in this process. What opens it over the real
 * world is `open` (os/open.ts); a simulation gives its own env.
 */
import type { Env } from '../env/env.ts';
import type { App } from '../machine/app.ts';
import { contractGuard } from '../machine/contract-guard.ts';
import { machineTimers } from '../machine/deadlines.ts';
import { machineMessages } from '../machine/inbox.ts';
import { applyInline } from '../machine/projection/inline.ts';
import { projectionService, type ProjectionServiceOptions } from '../machine/projection/runner.ts';
import type { QueryMiddleware } from '../machine/projection/run-query.ts';
import type { CommandMiddleware } from '../machine/router.ts';
import { destroyKeys } from '../machine/personal-keys.ts';
import { indexTags } from '../machine/tags.ts';
import { machinesOf, type MachineRuntime } from '../machine/runtime.ts';
import type { LogEngine } from '../log/port.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { noTracer, type Tracer } from '../observe/tracer.ts';
import { Waits } from '../observe/waits.ts';
import { openPartitions, type PartitionsOptions } from '../partition/partitions.ts';
import { timerService } from '../partition/timer/timer-service.ts';
import { countCommands, countEvents } from './command-metrics.ts';
import { logEpochs } from './log-epochs.ts';
import { LockstepNode } from './node.ts';
import { traceCommands, traceQueries } from './spans.ts';

export interface NodeOptions extends Pick<
  PartitionsOptions,
  'transport' | 'trims' | 'settings' | 'channels' | 'tree' | 'openWithinMs' | 'anyFileSystem' | 'takeOver'
> {
  /** Where the logs are; closed with the node. */
  readonly engine: LogEngine;
  /** Where the states are, on the env's disk. */
  readonly directory: string;
  readonly owner: string;
  readonly partitions?: number | undefined;
  /** Where what waits is entered. Default: a registry of the node's own. */
  readonly waits?: Waits | undefined;
  /** Where it counts its work. Default: a registry of the node's own, which it shows as `metrics`. */
  readonly metrics?: Metrics | undefined;
  /** What it has to say beside its answers. Default: nobody hears it. */
  readonly logger?: Logger | undefined;
  /** Spans of commands, queries and projections; `fromOpenTelemetry` of `lockstep/observe` makes one. Default: none. */
  readonly tracer?: Tracer | undefined;
  readonly middleware?: readonly CommandMiddleware[] | undefined;
  readonly queryMiddleware?: readonly QueryMiddleware[] | undefined;
  readonly projections?: ProjectionServiceOptions | undefined;
}

/**
 * @throws LockstepError `misuse` for an app that does not fit what is stored, with the list; what opening partitions throws.
 * The engine is closed then.
 */
export async function openNode(env: Env, app: App<unknown>, options: NodeOptions): Promise<LockstepNode> {
  const {
    engine,
    middleware = [],
    queryMiddleware = [],
    partitions: count,
    projections,
    metrics = new Metrics(),
    tracer = noTracer,
    logger,
    ...rest
  } = options;
  const waits = options.waits ?? new Waits(env.clock, env.timers);
  const runtime: MachineRuntime = {
    machines: machinesOf(app),
    newId: () => env.newId(),
    randomness: env.randomness,
    onRow: [destroyKeys, indexTags, applyInline(app), countEvents(metrics)],
  };
  const services = [
    contractGuard(app),
    timerService({ handlers: machineTimers(runtime) }),
    projectionService(app, { ...projections, tracer }),
    ...(logger === undefined ? [] : [logEpochs(logger)]),
  ];
  const { name, guarantees } = engine;
  if (guarantees.warning !== undefined)
    logger?.({ level: 'warn', event: 'engine', about: { engine: name, warning: guarantees.warning } });
  try {
    const onMessage = machineMessages(runtime);
    const partitions = await openPartitions(env, {
      ...rest,
      engine,
      count,
      name: app.name,
      waits,
      services,
      onMessage,
    });
    const node = new LockstepNode({
      env,
      waits,
      engine,
      partitions,
      app,
      runtime,
      metrics,
      middleware: [countCommands(metrics, env.clock), ...traceCommands(tracer), ...middleware],
      queryMiddleware: [...traceQueries(tracer), ...queryMiddleware],
      onClosed: () => engine.close(),
    });
    if (logger !== undefined) void logEnd(node, logger);
    return node;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function logEnd(node: LockstepNode, logger: Logger): Promise<void> {
  const about = { app: node.app.name };
  logger({ level: 'info', event: 'opened', about: { ...about, partitions: node.partitions.count } });
  const error = await node.stopped;
  if (error === null) logger({ level: 'info', event: 'closed', about });
  else logger({ level: 'error', event: 'stopped', about, error });
}

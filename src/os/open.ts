/** An app over the real world: a directory of this machine has its state and, where no other log is named, its log. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { isLockstepError, LockstepError } from '../kernel/errors.ts';
import { closingEngine } from '../log/closing-engine.ts';
import { openFileEngine } from '../log/file-owner.ts';
import type { Guarantees, LogEngine } from '../log/port.ts';
import type { App, Complete } from '../machine/app.ts';
import type { QueryMiddleware } from '../machine/projection/run-query.ts';
import type { CommandMiddleware } from '../machine/router.ts';
import type { LockstepNode } from '../node/node.ts';
import { openNode } from '../node/open.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Tracer } from '../observe/tracer.ts';
import { printMs } from '../observe/wait-text.ts';
import { openHostEnv } from './env.ts';
import { commandOf, readRunning } from './running.ts';

/** In the directory of a node. */
export const logFolder = 'log';
export const stateFolder = 'state';

export interface OpenOptions {
  /** The directory of the node, made if it is not there; this process' alone. */
  readonly data: string;
  /** Where the log lives, when not in the directory; closed with the node. */
  readonly log?: LogEngine | undefined;
  /** How many to make, 1 to 4,096; settled at creation. Default 1, or as many as there are. */
  readonly partitions?: number | undefined;
  /**
   * Takes the directory from a process of which this machine cannot tell whether it runs: one of another container or host. Who
   * says so knows that it has ended. One that runs, or is stopped, is to be ended first. Default false.
   */
  readonly takeOver?: boolean | undefined;
  /** How long to wait for the directory while another process has it, in milliseconds. Default 0: it refuses at once. */
  readonly withinMs?: number | undefined;
  /** What an acknowledgement must survive; a log that gives less is refused. Default `machine`. */
  readonly requires?: 'process' | 'machine' | 'minority' | undefined;
  /** Goes on where the file system is of a kind that logs in files are not made for. Default false. */
  readonly anyFileSystem?: boolean | undefined;
  /** Where the node counts its work, beside what else is counted there. Default: a registry of its own. */
  readonly metrics?: Metrics | undefined;
  /** What it has to say beside its answers: when it leads, what stopped, what was put aside. Default: nobody hears it. */
  readonly logger?: Logger | undefined;
  /** Spans of commands, queries and projections; `fromOpenTelemetry` of `lockstep/observe` makes one. Default: none. */
  readonly tracer?: Tracer | undefined;
  /** Around every command that is sent from this node. */
  readonly middleware?: readonly CommandMiddleware[] | undefined;
  /** Around every query that is asked from this node. */
  readonly queryMiddleware?: readonly QueryMiddleware[] | undefined;
}

/**
 * Opens an app. With its log in the directory it resolves once this node leads.
 * @throws LockstepError `in-use` when another process has the directory; `misuse` for an app that does not fit what is
 * stored, with the list, for another number of partitions, and for a log that survives less than is required; `corrupt`,
 * `disk-full`, `disk-failed`, `invalid`.
 */
export async function open<Missing>(
  app: App<Missing> & Complete<Missing>,
  options: OpenOptions,
): Promise<LockstepNode> {
  const { data, log, takeOver, withinMs, anyFileSystem, requires = 'machine', ...rest } = options;
  if (log !== undefined) checkSurvives(log, requires);
  const env = await openHostEnv({ data });
  try {
    // The log would fence whoever has it still; nothing fences the state.
    const from = takeOver === true ? 'unproven' : 'never';
    const called = { calledDirectory: resolve(data), takeOver: from, withinMs, anyFileSystem } as const;
    const engine = closingEngine(log ?? (await openFileEngine(env, logFolder, called)), env);
    checkSurvives(engine, requires);
    const owner = `${hostname()}:${process.pid}`;
    const node = await openNode(env, app, { ...rest, anyFileSystem, takeOver, engine, owner, directory: stateFolder });
    if (log === undefined) await leading(node);
    return node;
  } catch (error) {
    await env.close();
    throw isLockstepError(error, 'in-use') ? servedBy(error, data) : error;
  }
}

/** Who has the directory, by what it was started with, and how to talk to it. */
function servedBy(error: LockstepError, data: string): LockstepError {
  const { pid } = error.values;
  if (typeof pid !== 'number' || error.values['host'] !== hostname()) return error;
  const running = readRunning(data);
  const command = running?.command ?? commandOf(pid);
  if (command === null) return error;
  const since = running?.since ?? error.values['since'];
  const forMs = Date.now() - new Date(String(since)).getTime();
  const talk = running === null ? 'Ask it, or stop it.' : `Talk to it: connect('${data}')`;
  return new LockstepError('in-use', 'another process serves this directory; nothing was changed', {
    values: { data, pid: running?.pid ?? pid },
    advice: [
      `It is \`${command}\`, for ${printMs(forMs)}. ${talk}`,
      `To take its place end it (what it acknowledged is kept): kill ${running?.pid ?? pid}`,
    ],
  });
}

async function leading(node: LockstepNode): Promise<void> {
  try {
    await node.leading();
  } catch (error) {
    await node.close();
    throw error;
  }
}

const ranks: readonly Guarantees['survives'][] = ['nothing', 'process', 'machine', 'minority'];

function checkSurvives({ name, guarantees }: LogEngine, requires: Guarantees['survives']): void {
  if (ranks.indexOf(guarantees.survives) >= ranks.indexOf(requires)) return;
  throw new LockstepError('misuse', 'this log survives less than is required', {
    values: { log: name, survives: guarantees.survives, requires },
    advice: [guarantees.because],
  });
}

/** A node for the tests of handlers: the verbs of a real one, on a machine in memory whose clock is the host's. */
import { SeededRandom } from '../kernel/random.ts';
import { closingEngine } from '../log/closing-engine.ts';
import { memoryEngine } from '../log/memory.ts';
import type { App, Complete } from '../machine/app.ts';
import type { LockstepNode } from '../node/node.ts';
import { openNode, type NodeOptions } from '../node/open.ts';
import { epochMs } from './clock.ts';
import { simEnv } from './env.ts';
import { Fabric } from './fabric.ts';
import { LiveTimeline } from './live-timeline.ts';
import { Machine, Process } from './machine.ts';
import { Volume } from './volume.ts';
import { calm, type Weather } from './weather.ts';
import { Web } from './web.ts';

/** Memory takes no time. */
const instant: Weather = { ...calm, latencyMs: [0, 0], syncMs: [0, 0], nameMs: [0, 0], readMs: [0, 0], jobMs: [0, 0] };

/** As `open` of `lockstep` takes them. */
export type InMemoryOptions = Pick<
  NodeOptions,
  'partitions' | 'metrics' | 'logger' | 'tracer' | 'middleware' | 'queryMiddleware'
>;

/**
 * Opens an app whose log and state are in memory: nothing touches the disk, and nothing is left after `close`. It leads when
 * this resolves. Time is real; `simulate` is for what depends on time, crashes and other nodes.
 * @throws LockstepError as `open` of `lockstep`, but for what a directory can lack.
 */
export async function openInMemory<Missing>(
  app: App<Missing> & Complete<Missing>,
  options: InMemoryOptions = {},
): Promise<LockstepNode> {
  const timeline = new LiveTimeline();
  const seed = crypto.getRandomValues(new Uint32Array(4)).join(' '); // tidy: globals: its ids are not those of another node
  const random = new SeededRandom(seed);
  const machines = new Map<string, Machine>();
  const fabric = new Fabric(timeline, instant, machines, random.fork('fabric'));
  const machine = new Machine('memory', timeline, instant, random, new Volume(random.fork('volume')), true);
  machines.set(machine.name, machine);
  machine.clock.setWallOff(Date.now() - epochMs - timeline.nowMs); // tidy: globals: its time of day is the host's
  const process = new Process(machine, app.name, 1);
  const env = simEnv(process, fabric, new Web(fabric), new AbortController().signal);
  const engine = closingEngine(memoryEngine(env), { close: async () => timeline.end() });
  const node = await openNode(env, app, { ...options, engine, directory: 'state', owner: machine.name });
  try {
    await node.leading();
    return node;
  } catch (error) {
    await node.close();
    throw error;
  }
}

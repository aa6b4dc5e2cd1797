/** What a scenario of an app can do: the world of its nodes. */
import type { Env } from '../../env/env.ts';
import type { Duration } from '../../kernel/time.ts';
import type { App, Complete } from '../../machine/app.ts';
import type { Connection } from '../../machine/connection.ts';
import type { AnyMachine } from '../../machine/definition.ts';
import type { World } from '../world.ts';

/** What `simulate` runs on simulated nodes. */
export interface AppOptions<Missing> {
  /** The app, or what makes it of the env of each node. Services that it needs are provided by giving another app. */
  readonly app?: (App<Missing> & Complete<Missing>) | ((env: Env) => App<Missing> & Complete<Missing>);
  /** How many nodes there are. Default 1. */
  readonly nodes?: number;
  /** How many partitions the app has, 1 to 4,096. Default 1. */
  readonly partitions?: number;
}

/** Stands for an app that was not given. */
export interface NoApp {
  readonly '~no app': never;
}

/** Without an app the bare world, with one that of its nodes. */
export type WorldOf<Missing> = [Missing] extends [NoApp] ? World : AppWorld;

export interface AppWorld extends Pick<
  World,
  'seed' | 'random' | 'nowMs' | 'run' | 'serve' | 'sleep' | 'until' | 'always' | 'fail'
> {
  /** The nodes of the app: `node-1`, … Each stands for leading every partition, over logs that all of them share. */
  readonly nodes: readonly string[];
  /** The world beneath: single links, disks, clocks; the machine of the logs is `logs` there. */
  readonly beneath: World;
  /**
   * A connection that finds who leads, and sends again by id until its deadline. Made while a service starts it is in that
   * service's process, and ends with it; else it is on a machine of its own that nothing strikes.
   */
  connect(): Connection;
  /** Who leads the partition of this key; of several that believe so, the last elected. Waits until there is one. */
  leaderOf(machine: AnyMachine, key: string): Promise<string>;
  /** Cuts the node off from all others. It does not notice. */
  isolate(node: string): void;
  /** Kills the node; it starts again as the weather has it. */
  crash(node: string): void;
  /** Ends all faults; nodes that are down start again. */
  heal(): void;
  /**
   * Heals, then waits until nothing moves: every node has what the others have, no message is on its way, and nothing came
   * to it for a second. What is due later than that is not waited for.
   *
   * A `liveness` failure after `within` (default '60s'), naming what still waits and on whom.
   */
  settle(options?: { readonly within?: Duration }): Promise<void>;
}

/**
 * One to three processes that contend for leading partitions: each on a machine of its own with the logs in a service, or
 * two on one machine with the logs in its files; and what strikes one of them.
 */
import type { Env, World } from 'lockstep/sim';
import type { NodeAddress } from 'lockstep/env';
import { fileEngine } from '../../../src/log/file.ts';
import { MemoryStores } from '../../../src/log/memory.ts';
import type { LogEngine } from '../../../src/log/port.ts';
import { logAddress, remoteEngine } from '../../../src/sim/cluster/cluster.ts';
import { logService } from '../../../src/sim/cluster/log-service.ts';
import { crashAtCall } from './disk-storm.ts';

/** Who contends, and where it listens. */
export interface Contender {
  readonly name: string;
  readonly address: NodeAddress;
}

export interface Ground {
  readonly machines: readonly string[];
  readonly on: (name: string) => string;
  readonly contenders: readonly Contender[];
  readonly trims: boolean;
  readonly engine: (env: Env) => LogEngine;
}

/** What a log in files holds. */
export interface FileSizes {
  readonly segmentBytes: number;
  readonly groupBytesMax: number;
  readonly payloadBytesMax: number;
}

const names = ['ann', 'bob', 'cid'] as const;

export const someGround = (world: World, inFilesOf: FileSizes): Ground =>
  world.random.chance(0.7) ? onService(world) : inFiles(world, inFilesOf);

function onService(world: World): Ground {
  const machines = names.slice(0, 1 + world.random.below(names.length));
  const kept = new MemoryStores();
  void world.run('logs', (env) => logService(env, logAddress, kept));
  const client = { resendCount: 1, doubled: { probability: 0.05, laterMsMax: 500 } };
  return {
    machines,
    on: (name) => name,
    contenders: machines.map((name): Contender => ({ name, address: `${name}:1` })),
    trims: machines.length === 1, // others may need what was trimmed
    engine: (env) => remoteEngine(env, client),
  };
}

function inFiles(world: World, { segmentBytes, groupBytesMax, payloadBytesMax }: FileSizes): Ground {
  const contenders = names
    .slice(0, 1 + world.random.below(2))
    .map((name, index): Contender => ({ name, address: `machine:${index + 1}` }));
  const waitingBytesMax = 2 * groupBytesMax;
  const options = {
    config: { silenceMs: 100, pauseMsMax: 50, attemptMsMax: 500, settleMsMax: 1_000 },
    limits: { segmentBytes, groupBytesMax, waitingBytesMax, spareCountMax: 1, markAfterMs: 50 },
    payloadBytesMax,
  };
  return {
    machines: ['machine'],
    on: () => 'machine',
    contenders,
    trims: contenders.length === 1,
    engine: (env) => fileEngine(env, 'logs', options),
  };
}

export type Blow = 'crash' | 'crash at a call' | 'fail' | 'slow' | 'isolate';

export function strike(world: World, node: string, kind: 'process' | 'power', what: Blow): void {
  const { random } = world;
  switch (what) {
    case 'crash':
      return world.crash(node, { kind, restart: '20ms' });
    case 'crash at a call':
      return crashAtCall(world, node, kind);
    case 'fail':
      return world.disk(node).failSyncs();
    case 'slow':
      return world.disk(node).slow(1 + random.below(200));
    case 'isolate':
      return world.isolate(node);
  }
}

/** Some machine is struck, by one of these. */
export function strikeSome(world: World, { machines }: Ground, blows: readonly Blow[]): void {
  const { random } = world;
  const node = random.pick(machines);
  const kind = random.pick(['process', 'power'] as const);
  strike(world, node, kind, random.pick(blows));
}

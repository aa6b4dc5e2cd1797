/** A node of the scenario `checkpoints`: it opens a partition, writes while it leads, and shows what it has. */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { CheckpointStore } from '../../../src/checkpoint/port.ts';
import type { Log, LogEngine } from '../../../src/log/port.ts';
import { openPartition } from '../../../src/partition/open-partition.ts';
import type { Partition } from '../../../src/partition/partition.ts';
import type { Reader } from '../../../src/partition/transaction.ts';

/** What must be, over all nodes and all their lives. */
export class CheckpointWitness {
  readonly counts: Map<string, number> = new Map();
  /** By revision, what whoever read it there saw. */
  readonly #states = new Map<number, string>();
  /** By node, how many writes it showed last. */
  readonly seen: Map<string, number> = new Map();
  /** How many writes there are, as whoever made the last one was told. */
  told = 0;
  broken: string | null = null;
  enough = false;

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  countOf(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** How many writes it has. */
  saw(reader: Reader, revision: number): number {
    const entries = [...reader.at('p').range({ prefix: ['n'] })].map(
      ([[, number], value]) => `${String(number)}=${value as string}`,
    );
    const text = entries.join();
    const expected = Array.from({ length: entries.length }, (_, index) => `${index + 1}=${valueOf(index + 1)}`).join();
    if (text !== expected) this.broken ??= `revision ${revision} shows ${text}`;
    const before = this.#states.get(revision) ?? text;
    if (before !== text) this.broken ??= `revision ${revision} was ${before}, and is ${text}`;
    this.#states.set(revision, text);
    return entries.length;
  }
}

const valueOf = (number: number): string => `${number}:`.padEnd(40, 'x');

export const smallTree = {
  memtableBytes: 4_000,
  blockBytes: 512,
  tableBytes: 4_000,
  cacheBytes: 8_000,
  levelOneBytes: 8_000,
};

export interface CheckpointNodeSetup {
  readonly name: string;
  readonly engine: LogEngine;
  readonly log: Log;
  readonly store: CheckpointStore;
  readonly payloadBytesMax: number;
  readonly witness: CheckpointWitness;
}

export async function checkpointNode(env: Env, setup: CheckpointNodeSetup): Promise<never> {
  const { name, engine, log, store, payloadBytesMax, witness } = setup;
  const settings = { checkpointEveryMs: 50, standPauseMsMax: 200, withinMs: 2_000 };
  const checkpoints = store;
  const options = { log, payloadBytesMax, directory: 'state', owner: name, checkpoints, settings, tree: smallTree };
  const partition = await openPartition(env, options);
  witness.seen.set(name, 0);
  const failure = await Promise.race([partition.stopped, work(env, partition, witness, name)]);
  await partition.close();
  await engine.close();
  throw failure ?? new Error('nobody closed it');
}

async function work(env: Env, partition: Partition, witness: CheckpointWitness, name: string): Promise<never> {
  for (;;) {
    await env.sleep(`${5 + Math.floor(env.random() * 10)}ms`);
    try {
      if (!witness.enough) await write(partition, witness);
      witness.seen.set(name, await look(partition, witness));
    } catch (error) {
      if (!isLockstepError(error)) throw error;
      witness.count(`error ${error.kind}`);
    }
  }
}

async function write(partition: Partition, witness: CheckpointWitness): Promise<void> {
  const outcome = await partition.transact('p', (tx) => {
    const count = Number(tx.get(['count']) ?? 0) + 1;
    tx.set(['count'], count);
    tx.set(['n', count], valueOf(count));
    return count;
  });
  if (outcome.kind !== 'committed') return;
  witness.count('written');
  witness.told = Math.max(witness.told, outcome.value);
}

/** How many writes it shows; -1: it shows none now. */
async function look(partition: Partition, witness: CheckpointWitness): Promise<number> {
  const snapshot = await partition.read({ staleMsMax: 10_000 }, { withinMs: 500 });
  if (snapshot.kind !== 'snapshot') return -1;
  try {
    return witness.saw(snapshot, snapshot.revision);
  } finally {
    snapshot[Symbol.dispose]();
  }
}

/**
 * How long a partition takes until it leads again and has answered a linearizable read, after a clean close and after
 * kill -9 under load. `measureRestart` is the function; the program is also the process that it starts:
 * `node bench/partition/restart.ts [KEYS]` measures, `… load DATA KEYS` and `… open DATA` are its children's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileEngine } from '../../src/log/file-owner.ts';
import { openHostEnv } from '../../src/os/env.ts';
import { openPartition } from '../../src/partition/open-partition.ts';
import type { Partition } from '../../src/partition/partition.ts';
import { said, start } from './child.ts';

export interface RestartFigures {
  readonly keys: number;
  /** From the first call of the process until a linearizable read was answered, in milliseconds; the process' own start comes before. */
  readonly afterCloseMs: number;
  readonly afterKillMs: number;
  /** Of the latter: transactions that came from the log, since no table had them. */
  readonly replayedAfterKill: number;
}

const program = import.meta.url;
const perTransaction = 500;
const valueBytes = 100;
const placeCount = 64;

/** Loads that many keys of 100 B in a process of its own; closes it, opens it anew, writes on, kills it, opens it anew. */
export async function measureRestart(keys: number): Promise<RestartFigures> {
  const data = mkdtempSync(join(tmpdir(), 'lockstep-restart-'));
  try {
    await said(start(program, 'load', data, String(keys)), 'closed');
    const afterClose = await said(start(program, 'open', data), 'opened');
    const writing = start(program, 'write', data, String(keys));
    await said(writing, 'writing', true);
    const afterKill = await said(start(program, 'open', data), 'opened');
    const [afterCloseMs = 0] = afterClose;
    const [afterKillMs = 0, replayedAfterKill = 0] = afterKill;
    return { keys, afterCloseMs, afterKillMs, replayedAfterKill };
  } finally {
    rmSync(data, { recursive: true });
  }
}

interface Opened {
  readonly partition: Partition;
  /** What its tables had. */
  readonly flushed: number;
  close(): Promise<void>;
}

async function open(data: string): Promise<Opened> {
  const env = await openHostEnv({ data });
  const engine = await openFileEngine(env, 'logs', { config: { silenceMs: 100, pauseMsMax: 20 } });
  const log = await engine.open('log', { create: true });
  if (log === null) throw new Error('with create there is a log');
  const { payloadBytesMax } = engine.guarantees;
  const partition = await openPartition(env, { log, payloadBytesMax, directory: 'state', owner: 'node' });
  const flushed = partition.status.revision;
  await partition.leading();
  const close = async (): Promise<void> => {
    await partition.close();
    await engine.close();
    await env.close();
  };
  return { partition, flushed, close };
}

/** Keys from `first` on, many transactions in flight. */
async function write(partition: Partition, first: number, count: number, onTold: () => void): Promise<void> {
  const value = 'x'.repeat(valueBytes);
  const transact = async (from: number): Promise<void> => {
    const to = Math.min(from + perTransaction, first + count);
    const outcome = await partition.transact(placeOf(from), (tx) => {
      for (let key = from; key < to; key++) tx.set(['key', (key * 7_919) % 1_000_003], `${value}${key}`);
    });
    if (outcome.kind !== 'committed') throw new Error(outcome.kind);
    onTold();
  };
  const inFlight = new Set<Promise<void>>();
  for (let from = first; from < first + count; from += perTransaction) {
    const one = transact(from).finally(() => inFlight.delete(one));
    inFlight.add(one);
    if (inFlight.size >= 32) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
}

const placeOf = (key: number): string => `place-${Math.floor(key / perTransaction) % placeCount}`;

async function load(data: string, keys: number): Promise<void> {
  const { partition, close } = await open(data);
  await write(partition, 0, keys, () => {});
  await close();
  console.log('closed');
}

/** Until it is killed: some of it is in tables then, the rest in the log alone. */
async function writeOn(data: string, keys: number): Promise<void> {
  const { partition } = await open(data);
  let told = 0;
  const share = Math.max(1, Math.floor(keys / perTransaction / 10));
  for (;;)
    await write(partition, 0, keys, () => {
      if (++told === share) console.log('writing');
    });
}

async function reopen(data: string): Promise<void> {
  const startedAt = performance.now();
  const { partition, flushed, close } = await open(data);
  const outcome = await partition.read('linearizable');
  if (outcome.kind !== 'snapshot') throw new Error(outcome.kind);
  const found = outcome.at(placeOf(0)).get(['key', 0]);
  const ms = performance.now() - startedAt;
  if (typeof found !== 'string') throw new Error('a key is gone');
  console.log(`opened ${ms} ${outcome.revision - flushed}`);
  outcome[Symbol.dispose]();
  await close();
}

if (import.meta.main) {
  const [what = '1000000', data = '', keys = ''] = process.argv.slice(2);
  if (what === 'load') await load(data, Number(keys));
  else if (what === 'write') await writeOn(data, Number(keys));
  else if (what === 'open') await reopen(data);
  else console.log(await measureRestart(Number(what)));
}

/**
 * Who reads changes beside a contender of the scenario `partition`: from tokens of now and of before, a few at a time. What
 * is told of one transaction fits together, before-images are what the key was, and what a hold keeps is there.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import { setCapture } from '../../../src/partition/capture/capture.ts';
import type { Change } from '../../../src/partition/change-reader.ts';
import { holdLog, logHolds } from '../../../src/partition/hold/log-hold.ts';
import type { Partition } from '../../../src/partition/partition.ts';
import { parseToken, printToken } from '../../../src/partition/token.ts';
import type { Token } from '../../../src/partition/transaction.ts';
import type { ContenderWitness } from './partition-process.ts';

const tokensMax = 8;
const readMs = 100;

/** Until the partition is closed, or cannot go on. */
export async function watch(env: Env, partition: Partition, witness: ContenderWitness): Promise<void> {
  const tokens: Token[] = [];
  while (partition.status.kind === 'following' || partition.status.kind === 'leading') {
    await env.sleep(`${300 + env.randomness.below(700)}ms`);
    try {
      if (env.random() < 0.3) await hold(partition);
      tokens.push(partition.status.token);
      if (tokens.length > tokensMax) tokens.shift();
      const held = await heldFrom(partition);
      const from = held !== null && env.random() < 0.5 ? held : tokens[env.randomness.below(tokens.length)];
      if (from === undefined) continue;
      const isTrimmed = await read(env, partition, from, witness);
      // It goes on only: what is where it was did not move meanwhile.
      if (isTrimmed && from === held && (await heldFrom(partition)) === held)
        witness.broken ??= 'what a hold keeps was trimmed';
    } catch (error) {
      if (!isLockstepError(error)) throw error;
    }
  }
}

/** By whoever leads, from where it is now. */
async function hold(partition: Partition): Promise<void> {
  const { kind, token } = partition.status;
  if (kind !== 'leading') return;
  await partition.transact(null, (tx) => {
    setCapture(tx, 'values', [{ prefix: ['value'] }]);
    holdLog(tx, 'watcher', token);
  });
}

/** From where on the log is kept, as the state says: a hold outlives whoever took it. */
async function heldFrom(partition: Partition): Promise<Token | null> {
  const outcome = await partition.read({ staleMsMax: 60_000 }, { withinMs: 400 });
  if (outcome.kind !== 'snapshot') return null;
  using snapshot = outcome;
  const [held] = logHolds(snapshot);
  return held === undefined ? null : printToken({ ...parseToken(snapshot.token), revision: held.revision });
}

/** Whether it was told that the log no longer has what comes next. */
async function read(env: Env, partition: Partition, from: Token, witness: ContenderWitness): Promise<boolean> {
  const over = new AbortController();
  const timer = env.timers.after(readMs, () => over.abort(over));
  const last = new Map<string, unknown>();
  try {
    for await (const one of partition.changes(from, { signal: over.signal })) {
      witness.count(`read ${one.kind}`);
      if (one.kind === 'trimmed') return true;
      for (const change of one.changes) look(change, one.changes, last, witness);
    }
  } catch (error) {
    if (error !== over) throw error;
  } finally {
    timer.cancel();
  }
  return false;
}

/** A transaction writes beside a value what the value was. */
function look(change: Change, all: readonly Change[], last: Map<string, unknown>, witness: ContenderWitness): void {
  if (change.kind !== 'set' || change.key[0] !== 'value' || change.place === null) return;
  const { revision, place, before } = change;
  const beside = all.find((one) => one.revision === revision && one.key[0] === 'old' && one.kind === 'set');
  const was = beside?.kind === 'set' ? beside.value : null;
  if (last.has(place) && last.get(place) !== was)
    witness.broken ??= `changes of ${place} leave one out before revision ${revision}`;
  last.set(place, change.value);
  if (before === null) return;
  witness.count('before-images');
  if ((before.value ?? null) !== was)
    witness.broken ??= `revision ${revision} of ${place} has another before-image than the value that was there`;
}

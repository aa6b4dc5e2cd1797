/**
 * Who reads changes beside a contender of the scenario `partition`: from tokens of now and of before, a few at a time. What
 * is told of one transaction fits together, before-images are what the key was, and what a hold keeps is there.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import { setCapture } from '../../../src/partition/capture/capture.ts';
import type { Change } from '../../../src/partition/change-reader.ts';
import { holdLog } from '../../../src/partition/hold/log-hold.ts';
import type { Partition } from '../../../src/partition/partition.ts';
import type { Token } from '../../../src/partition/transaction.ts';
import type { ContenderWitness } from './partition-process.ts';

const tokensMax = 8;
const readMs = 100;

/** Until the partition is closed, or cannot go on. */
export async function watch(env: Env, partition: Partition, witness: ContenderWitness): Promise<void> {
  const tokens: Token[] = [];
  let held: Token | null = null;
  while (partition.status.kind === 'following' || partition.status.kind === 'leading') {
    await env.sleep(`${300 + env.randomness.below(700)}ms`);
    try {
      held = (await hold(partition)) ?? held;
      tokens.push(partition.status.token);
      if (tokens.length > tokensMax) tokens.shift();
      const from = held !== null && env.random() < 0.5 ? held : tokens[env.randomness.below(tokens.length)];
      if (from !== undefined) await read(env, partition, from, from === held, witness);
    } catch (error) {
      if (!isLockstepError(error)) throw error;
      held = null; // what became of a hold that was moved is not known
    }
  }
}

/** The token from which on the log is kept; null: this one does not lead. */
async function hold(partition: Partition): Promise<Token | null> {
  if (partition.status.kind !== 'leading') return null;
  const { token } = partition.status;
  const outcome = await partition.transact(null, (tx) => {
    setCapture(tx, 'values', [{ prefix: ['value'] }]);
    holdLog(tx, 'watcher', token);
  });
  return outcome.kind === 'committed' ? token : null;
}

async function read(
  env: Env,
  partition: Partition,
  from: Token,
  isHeld: boolean,
  witness: ContenderWitness,
): Promise<void> {
  const over = new AbortController();
  const timer = env.timers.after(readMs, () => over.abort(over));
  const last = new Map<string, unknown>();
  try {
    for await (const one of partition.changes(from, { signal: over.signal })) {
      witness.count(`read ${one.kind}`);
      if (one.kind === 'changes') for (const change of one.changes) look(change, one.changes, last, witness);
      else if (isHeld) witness.broken ??= 'what a hold keeps was trimmed';
    }
  } catch (error) {
    if (error !== over) throw error;
  } finally {
    timer.cancel();
  }
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

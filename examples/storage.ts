/**
 * A tree at work: transactions, reads without a promise, a snapshot that stays as it was, a checkpoint that another directory
 * takes over, verified. On this machine, and in twenty simulated worlds in which the power goes out in between.
 */
import { openHostEnv } from 'lockstep';
import type { Env } from 'lockstep/env';
import { simulate } from 'lockstep/sim';
import { importCheckpoint, openTree, readCheckpoint, type StoredTree } from 'lockstep/storage';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const key = (account: string): Uint8Array => encoder.encode(`balance/${account}`);

async function open(env: Env, directory: string): Promise<StoredTree> {
  const tree = await openTree(env, directory);
  if (tree === null) throw new Error('it is made when it is not there');
  return tree;
}

const balance = (tree: Pick<StoredTree, 'get'>, account: string): number =>
  Number(decoder.decode(tree.get(key(account))) || 0);

/** Both balances or none: it runs alone, so nobody moves money in between. */
async function move(tree: StoredTree, from: string, to: string, amount: number): Promise<number> {
  const outcome = await tree.transact((tx) => {
    tx.put(key(from), encoder.encode(String(balance(tx, from) - amount)));
    tx.put(key(to), encoder.encode(String(balance(tx, to) + amount)));
  });
  if (outcome.kind === 'conflict') throw new Error(outcome.explain);
  return outcome.revision;
}

/** Waits in between, as for another service: it is checked at its end, and runs again if a balance has changed. */
const moveAll = (tree: StoredTree, from: string, to: string, approve: (amount: number) => Promise<void>) =>
  tree.transact(async (tx) => {
    const amount = balance(tx, from);
    await approve(amount);
    tx.put(key(from), encoder.encode('0'));
    tx.put(key(to), encoder.encode(String(balance(tx, to) + amount)));
    return amount;
  });

// This machine.
await using env = await openHostEnv({ data: './storage-data' });
await using tree = await open(env, 'accounts');
await move(tree, 'bank', 'ann', 100);

using before = tree.snapshot();
await move(tree, 'ann', 'bob', 30);
console.log('now:   ', balance(tree, 'ann'), balance(tree, 'bob'));
console.log('before:', balance(before, 'ann'), balance(before, 'bob'));
for (const [name, value] of tree.scan({ prefix: encoder.encode('balance/') }))
  console.log('scan:  ', decoder.decode(name), decoder.decode(value));

const asked: number[] = [];
const all = await moveAll(tree, 'bob', 'ann', async (amount) => {
  asked.push(amount);
  await env.sleep('1ms');
  if (asked.length === 1) await move(tree, 'bank', 'bob', 1); // somebody else is first
});
console.log('asked: ', asked, 'then', all.kind === 'committed' && all.value);

const { revision } = await tree.checkpoint('kept');
const checkpoint = await readCheckpoint(env.disk, 'kept');
await importCheckpoint(env, checkpoint?.files ?? [], 'restored');
await using restored = await open(env, 'restored');
console.log('restored at revision', revision, 'with', balance(restored, 'ann'), 'and', await restored.verify());

// Twenty simulated worlds: money is neither made nor lost, and what was acknowledged is there.
await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
  let acknowledged = 0;
  const transfer = async (inside: Env): Promise<void> => {
    const accounts = await open(inside, 'accounts');
    while (acknowledged < 40) acknowledged = Math.max(acknowledged, await move(accounts, 'bank', 'ann', 1));
    await accounts.close();
  };
  const done = world.run('node', transfer); // is started again whenever it dies
  await world.sleep(`${10 + world.random.below(60)}ms`);
  world.crash('node', { kind: 'power', restart: '10ms' });
  await done;
  await world.run(
    'judge',
    async (inside) => {
      await using accounts = await open(inside, 'accounts');
      const [bank, ann] = [balance(accounts, 'bank'), balance(accounts, 'ann')];
      if (bank + ann !== 0 || ann < acknowledged) world.fail(`${acknowledged} acknowledged, and ${bank} and ${ann}`);
    },
    { on: 'node' },
  );
});
console.log('in 20 simulated worlds: nothing lost, nothing halved');

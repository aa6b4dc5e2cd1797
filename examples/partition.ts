/**
 * Two nodes and one log: Ann leads, Bob follows; Ann stops leading, Bob goes on from where she was. A transfer is one
 * transaction, sent again by its id it is not done again. On this machine, and in twenty simulated worlds in which the
 * power goes out in between.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileLogs, openHostEnv } from 'lockstep';
import { fileEngine } from 'lockstep/log';
import { commandId, openPartition, type Consistency, type Partition, type Rejection } from 'lockstep/partition';
import { simulate, type Env } from 'lockstep/sim';

const payloadBytesMax = 1024 * 1024;
const noFunds: Rejection<'no-funds', null> = { kind: 'rejected', code: 'no-funds', details: null };

/** Both accounts belong to one bank, so they are in one place, and can be in one transaction. */
function transfer(partition: Partition, from: string, to: string, amount: number, id: string) {
  return partition.transact(
    'bank',
    (tx) => {
      const balance = (account: string): number => Number(tx.get(['balance', account]) ?? 0);
      if (from !== 'the world' && balance(from) < amount) return noFunds;
      tx.set(['balance', from], balance(from) - amount);
      tx.set(['balance', to], balance(to) + amount);
      return balance(to);
    },
    { commandId: id },
  );
}

async function balances(partition: Partition, consistency: Consistency): Promise<string> {
  const snapshot = await partition.read(consistency);
  if (snapshot.kind !== 'snapshot') return snapshot.kind;
  const text = [...snapshot.at('bank').range({ prefix: ['balance'] })].map(
    ([[, name], value]) => `${String(name)} ${Number(value)}`,
  );
  snapshot[Symbol.dispose]();
  return text.join(', ');
}

// This machine.
const data = await mkdtemp(join(tmpdir(), 'lockstep-partition-'));
const env = await openHostEnv({ data: join(data, 'states') });
const logs = await openFileLogs(join(data, 'logs'), { config: { silenceMs: 100, pauseMsMax: 20 } });
const [log, log2] = [await logs.open('bank', { create: true }), await logs.open('bank', { create: false })];
if (log === null || log2 === null) throw new Error('it was made');
const ann = await openPartition(env, { log, payloadBytesMax, directory: 'ann', owner: 'ann' });
await ann.leading();
const bob = await openPartition(env, { log: log2, payloadBytesMax, directory: 'bob', owner: 'bob' });

const id = commandId(env.now(), 'salary of november');
const paid = await transfer(ann, 'the world', 'carl', 100, id);
const again = await transfer(ann, 'the world', 'carl', 100, id);
console.log(paid.kind, 'and, sent again,', again.kind);
const refused = await transfer(ann, 'carl', 'dora', 500, env.newId());
console.log(refused.kind === 'rejected' ? refused.code : refused.kind);
if (paid.kind !== 'committed') throw new Error('it was committed');
console.log('bob, who follows:', await balances(bob, { atLeast: paid.token }));
console.log('bob is asked to transfer:', (await transfer(bob, 'carl', 'dora', 1, env.newId())).kind);

await ann.stepDown();
await bob.leading();
console.log('bob leads:', (await transfer(bob, 'carl', 'dora', 30, env.newId())).kind);
console.log('and has:', await balances(bob, 'linearizable'));
await ann.close();
await bob.close();
await logs.close();
await env.close();
await rm(data, { recursive: true });

// Twenty simulated worlds: what was acknowledged is there, and nothing was done twice.
async function within(inside: Env, work: (partition: Partition) => Promise<void>): Promise<void> {
  const engine = fileEngine(inside, 'logs', { config: { silenceMs: 50, pauseMsMax: 10 } });
  const inFiles = await engine.open('bank', { create: true });
  if (inFiles === null) throw new Error('it is made');
  const options = { log: inFiles, payloadBytesMax, directory: 'state', owner: 'node' };
  const partition = await openPartition(inside, options);
  await partition.leading();
  await work(partition);
  await partition.close();
  await engine.close();
}

await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
  let acknowledged = 0;
  const done = world.run('node', (inside) =>
    within(inside, async (partition) => {
      // Started again, it sends the same commands: their names and their time are the same.
      for (let count = 1; count <= 30; count++) {
        const payment = commandId(new Date('2026-01-01'), `payment ${count}`);
        const { kind } = await transfer(partition, 'the world', 'carl', 1, payment);
        if (kind === 'committed' || kind === 'already-done') acknowledged = count;
      }
    }),
  );
  await world.sleep(`${20 + world.random.below(100)}ms`);
  world.crash('node', { kind: 'power', restart: '10ms' });
  await done;
  const judge = (inside: Env): Promise<void> =>
    within(inside, async (partition) => {
      const text = await balances(partition, 'linearizable');
      if (text !== `carl ${acknowledged}, the world -${acknowledged}`) world.fail(`${acknowledged} told, and ${text}`);
    });
  await world.run('judge', judge, { on: 'node' });
});
console.log('in 20 simulated worlds: nothing lost, nothing done twice');

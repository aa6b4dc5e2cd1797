/** What clients of a chaos of partitions do, each kind over and over until it is told that it is enough. */
import type { TransactionStep } from 'lockstep/check';
import { holdLease, type LeaseHolder } from 'lockstep/partition';
import type { Client } from './client.ts';
import { leaseAccessOf } from './lease-access.ts';
import {
  accountCount,
  endowment,
  places,
  type KeyChange,
  type KeySeen,
  type NodeAnswer,
  type ReadHow,
  type StepsDone,
} from './requests.ts';

export type ClientWork = (client: Client) => Promise<void>;

const pauseMsMax = 60;
/** Clocks of two processes may differ in speed by so much, as far as ages of reads are concerned. */
const ageSlack = 1.1;

/** Writes, compares and sets, and reads keys, of which there are always a few; after some seconds they are others. */
export function keyClient(keyNow: (draw: number) => string): ClientWork {
  const last = new Map<string, number | null>();
  const tokens = new Map<string, { readonly token: string; readonly version: number }>();

  async function write(client: Client, place: string, change: KeyChange): Promise<void> {
    const pending = client.witness.keys.invoke(client.name, { ...change, key: place });
    const { fate, answer } = await client.command(place, { kind: 'change', change });
    if (answer?.kind !== 'done') {
      last.delete(place);
      return fate === 'unknown' ? pending.info() : pending.fail();
    }
    const { version, value, set } = answer.value as unknown as KeySeen & { readonly set: boolean };
    last.set(place, value);
    tokens.set(place, { token: answer.token, version });
    client.witness.written(place, version);
    pending.ok(change.kind === 'put' ? null : set);
  }

  async function read(client: Client, place: string, how: ReadHow): Promise<void> {
    const pending = client.witness.keys.invoke(client.name, { kind: 'get', key: place });
    const seen = keyIn((await client.ask({ kind: 'key', place, how })).answer);
    if (seen === null) return pending.fail();
    client.witness.count(`read ${how.kind}`);
    last.set(place, seen.value);
    pending.ok(seen.value);
  }

  /** Of whichever node: it shows this version at least. */
  async function readBehind(client: Client, place: string, how: ReadHow, version: number): Promise<void> {
    const seen = keyIn((await client.ask({ kind: 'key', place, how }, { anywhere: true })).answer);
    if (seen === null) return;
    client.witness.count(`read ${how.kind}`);
    if (seen.version < version)
      client.witness.problems.push(`a read ${JSON.stringify(how)} of ${place} shows ${seen.version}, not ${version}`);
  }

  return async (client) => {
    const { random, witness } = client;
    const place = keyNow(random.float());
    const drawn = random.float();
    const from = last.get(place) ?? null;
    const known = tokens.get(place);
    if (drawn < 0.3) await write(client, place, { kind: 'put', value: witness.newValue() });
    else if (drawn < 0.55) await write(client, place, { kind: 'cas', from, to: witness.newValue() });
    else if (drawn < 0.7) await read(client, place, { kind: 'linearizable' });
    else if (drawn < 0.8) await read(client, place, { kind: 'transact' });
    else if (drawn < 0.9 && known !== undefined)
      await readBehind(client, place, { kind: 'at-least', token: known.token }, known.version);
    else {
      const msMax = random.below(4) * 300;
      const version = witness.versionBefore(place, performance.now() - msMax * ageSlack);
      await readBehind(client, place, { kind: 'stale', msMax }, version);
    }
    await client.pause(pauseMsMax);
  };
}

const keyIn = (answer: NodeAnswer | null): KeySeen | null =>
  answer?.kind === 'seen' ? (answer.value as unknown as KeySeen) : null;

/** Transactions over lists, of which there are always a few: what they read says in which order they ran. */
export function listClient(listNow: (draw: number) => string): ClientWork {
  return async (client) => {
    const { random, witness } = client;
    const steps = Array.from({ length: 1 + random.below(4) }, (): TransactionStep => {
      const key = listNow(random.float());
      return random.chance(0.5) ? { kind: 'read', key } : { kind: 'append', key, value: witness.newValue() };
    });
    const pending = witness.lists.invoke(client.name, steps);
    const work = { kind: 'steps', steps, waits: random.chance(0.3) } as const;
    const { fate, answer } = await client.command(places.lists, work);
    if (answer?.kind === 'done') pending.ok(answer.value as unknown as StepsDone);
    else if (fate === 'unknown') pending.info();
    else pending.fail();
    await client.pause(pauseMsMax);
  };
}

/** Moves money within a place; whoever looks sees all of it, however old what it sees may be. */
export const bankClient: ClientWork = async (client) => {
  const { random, witness } = client;
  if (random.chance(0.7)) {
    const [from, to] = [random.below(accountCount), random.below(accountCount)];
    const work = { kind: 'transfer', from, to, amount: 1 + random.below(300) } as const;
    if (from === to) return;
    const { answer } = await client.command(places.bank, work);
    witness.count(answer?.kind === 'rejected' ? 'transfers rejected' : 'transfers');
  } else {
    const hows: readonly ReadHow[] = [{ kind: 'linearizable' }, { kind: 'transact' }, { kind: 'stale', msMax: 1_000 }];
    const how = random.pick(hows);
    const { answer } = await client.ask({ kind: 'balances', how }, { anywhere: how.kind === 'stale' });
    if (answer?.kind === 'seen') {
      const balances = answer.value as readonly (number | null)[];
      const sum = balances.reduce<number>((all, one) => all + (one ?? 0), 0);
      const isOpened = balances.some((one) => one !== null);
      witness.count('balances read');
      if ((isOpened && sum !== accountCount * endowment) || balances.some((one) => (one ?? 0) < 0))
        witness.problems.push(`the bank has ${balances.join(', ')} by a read ${how.kind}`);
    }
  }
  await client.pause(pauseMsMax);
};

const ttlMs = 1_500;

/** Holds a lease, writes under it to the partition and to a store outside, sometimes for too long. */
export function leaseClient(): ClientWork {
  let claims = 0;
  return async (client) => {
    const { random, witness, env } = client;
    const by = `${client.name} #${++claims}`;
    const name = random.chance(0.7) ? 'lock' : 'gate';
    if (random.chance(0.1)) {
      // Held by nobody who renews it: whoever leads takes it back.
      const claim = { place: places.leases, name, id: env.newId(), owner: by, ttlMs };
      await client.command(places.leases, { kind: 'claim', claim });
      return client.pause(2 * pauseMsMax);
    }
    const access = leaseAccessOf(client);
    const options = { access, place: places.leases, name, owner: by, ttlMs, withinMs: 8_000 };
    const outcome = await holdLease(env, options);
    witness.count(`lease ${outcome.kind}`);
    if (outcome.kind !== 'held') return;
    const { lease } = outcome;
    witness.holds(lease);
    for (let writes = random.below(6); writes > 0 && lease.isHeld; writes--) await guardedWrite(client, lease, by);
    if (random.chance(0.1)) await env.sleep(`${random.below(2 * ttlMs)}ms`); // it may be lost by then
    if (random.chance(0.3)) await guardedWrite(client, lease, by); // without looking whether it still is held
    await lease.release(); // or it would be renewed for ever
    await client.pause(2 * pauseMsMax);
  };
}

async function guardedWrite(client: Client, { name, token }: LeaseHolder, by: string): Promise<void> {
  client.witness.store(name, token, by);
  const { answer } = await client.command(places.leases, {
    kind: 'guarded',
    lease: { place: places.leases, name, token },
  });
  client.witness.count(answer?.kind === 'rejected' ? 'fenced' : 'written under a lease');
  client.witness.store(name, token, by);
}

/** Sets timers, and cancels some. */
export function timerClient(): ClientWork {
  let count = 0;
  return async (client) => {
    const { random, witness } = client;
    const name = `${client.name}-${++count}`;
    const { fate } = await client.command(places.timers, { kind: 'set-timer', name, afterMs: random.below(1_500) });
    witness.timers.set(name, { set: fate, cancelled: null });
    if (fate === 'acknowledged' && random.chance(0.3)) {
      await client.pause(800);
      const { answer } = await client.command(places.timers, { kind: 'cancel-timer', name });
      const cancelled = answer?.kind === 'done' ? (answer.value as 'cancelled' | 'absent') : 'unknown';
      witness.timers.set(name, { set: fate, cancelled });
    }
    await client.pause(2 * pauseMsMax);
  };
}

/** Sends from place to place, which may be of one partition or of two. */
export function sendClient(): ClientWork {
  let count = 0;
  return async (client) => {
    const { random, witness } = client;
    const name = `${client.name}-${++count}`;
    const [from, to] = [random.pick(places.senders), random.pick(places.senders)];
    const { fate } = await client.command(from, { kind: 'send', to, name });
    witness.sends.set(name, fate);
    await client.pause(pauseMsMax);
  };
}

/** A subject is forgotten: what is read of its events, states, rows and copies from then on, by whichever way. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp, type App } from '../machine/app.ts';
import { toCloudEvent } from '../machine/cloud-event.ts';
import { readStream } from '../machine/event-reader.ts';
import { foldedAtOnceMax } from '../machine/fold-steps.ts';
import { fsm } from '../machine/fsm.ts';
import { machine } from '../machine/machine.ts';
import { openedRow } from '../machine/personal.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { openNode } from '../node/open.ts';
import { personal, subjects } from './index.ts';

const customer = machine({
  name: 'customer',
  initial: (): { email: string | null; plan: string } => ({ email: null, plan: '' }),
  commands: { Register: unchecked<{ email: string; plan: string; times?: number }>() },
  events: { Registered: personal(unchecked<{ email: string; plan: string }>(), ['email']) },
  decide: {
    Register: (_customer, { email, plan, times = 1 }, { event }) =>
      Array.from({ length: times }, () => event('Registered', { email, plan })),
  },
  evolve: { Registered: (_customer, { email, plan }) => ({ email, plan }) },
  tags: { Registered: () => ['customer'] },
});

/** Two people share a place. */
const member = machine({
  name: 'member',
  initial: (): { name: string | null } => ({ name: null }),
  commands: { Join: unchecked<string>() },
  events: { Joined: personal(unchecked<{ name: string }>(), ['name']) },
  decide: { Join: (_member, name, { event }) => [event('Joined', { name })] },
  evolve: { Joined: (_member, { name }) => ({ name }) },
  subject: (key) => key,
});

const rowsOf = (update: 'inline' | 'async') =>
  projection({
    name: `emails-${update}`,
    row: unchecked<{ email: string | null }>(),
    from: { customer, subjects },
    on: {
      customer: { Registered: ({ key, data }, rows) => rows.set(key, { email: data.email }) },
      subjects: { Forgotten: ({ key }, rows) => rows.delete(key) },
    },
    update,
  });
const inline = rowsOf('inline');
const behind = rowsOf('async');
const emailsOf = (rows: typeof inline) =>
  query({
    name: `of-${rows.name}`,
    input: unchecked<string>(),
    reads: { rows },
    at: (key) => key,
    run: (tables, key) => tables.rows.get(key)?.email,
  });
const now = emailsOf(inline);
const later = emailsOf(behind);

const app = defineApp({ name: 'app', parts: [customer, member, subjects, inline, behind, now, later] });

async function opened(env: Env, stores: MemoryStores, of: App<unknown> = app): Promise<LockstepNode> {
  const node = await openNode(env, of, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
  await node.leading();
  return node;
}

async function inWorld(run: (env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', run);
  });
}

async function firstOf<T>(source: AsyncIterable<T>): Promise<T> {
  for await (const one of source) return one;
  throw new Error('there is none');
}

/** What each way of reading tells of the personal field. */
async function told(node: LockstepNode): Promise<readonly unknown[]> {
  const { events } = await node.readStream(customer, 'ann');
  const tagged = await node.readTagged('ann', { queries: [{ tags: ['customer'] }] });
  const all = [
    ...events,
    ...tagged.events,
    await firstOf(node.events(customer, { key: 'ann' })),
    await firstOf(node.allEvents({ order: 'time' })),
    await firstOf(node.subscription(`copies-${events.length}`, { machines: [customer] })),
  ].map(({ data }) => data as { readonly email: string | null });
  const cloud = events.map((event) => toCloudEvent(event, { source: 'urn:app' }).data as { email: string | null });
  return [...all, ...cloud, (await node.read(customer, 'ann')).state].map(({ email }) => email);
}

test('what is forgotten reads as null everywhere, the rest stays, and it is recorded by whom', async () => {
  await inWorld(async (env) => {
    const stores = new MemoryStores();
    const node = await opened(env, stores);
    const registered = { email: 'ann@example.org', plan: 'gold' };
    const first = await node.send(customer, 'ann', 'Register', registered);
    await node.send(customer, 'bob', 'Register', { email: 'bob@example.org', plan: 'tin' });
    expect(new Set(await told(node))).toEqual(new Set(['ann@example.org']));

    const { token } = await node.send(subjects, 'ann', 'Forget', undefined, { actor: 'dpo' });
    expect(new Set(await told(node))).toEqual(new Set([null]));
    expect((await node.read(customer, 'ann')).state).toEqual({ email: null, plan: 'gold' });
    expect((await node.read(customer, 'bob')).state.email).toBe('bob@example.org');
    expect((await node.query(now, 'ann', { after: token })).value).toBeUndefined();
    expect((await node.query(later, 'ann', { after: token })).value).toBeUndefined();
    expect((await node.query(later, 'bob', { after: token })).value).toBe('bob@example.org');
    const { events } = await node.readStream(subjects, 'ann');
    expect(events).toMatchObject([{ type: 'Forgotten', actor: 'dpo', at: expect.any(Date) }]);
    expect(first.events).toEqual([{ type: 'Registered', data: registered }]);
    expect(await node.verifyReplay()).toMatchObject({ differingCount: 0 });
    await node.close();

    const again = await opened(env, stores);
    expect(new Set(await told(again))).toEqual(new Set([null]));
    await again.close();
  });
});

test('who comes back has a new key: what is new is read, what was before stays forgotten', async () => {
  await inWorld(async (env) => {
    const node = await opened(env, new MemoryStores());
    for (const email of ['one@example.org', 'two@example.org', 'three@example.org']) {
      await node.send(customer, 'ann', 'Register', { email, plan: 'gold' });
      if (email.startsWith('two')) await node.send(subjects, 'ann', 'Forget');
    }
    const { events } = await node.readStream(customer, 'ann');
    expect(events.map(({ data }) => data.email)).toEqual([null, null, 'three@example.org']);
    expect((await node.read(customer, 'ann')).state.email).toBe('three@example.org');
    expect(await node.verifyReplay()).toMatchObject({ differingCount: 0 });
    await node.close();
  });
});

test('subjects that share a place are forgotten one by one; one of another place is refused', async () => {
  await inWorld(async (env) => {
    const node = await opened(env, new MemoryStores());
    await node.send(member, 'club/ann', 'Join', 'Ann');
    await node.send(member, 'club/bob', 'Join', 'Bob');
    await node.send(subjects, 'club/ann', 'Forget');
    expect((await node.read(member, 'club/ann')).state.name).toBeNull();
    expect((await node.read(member, 'club/bob')).state.name).toBe('Bob');
    await node.close();

    const elsewhere = machine({
      name: 'elsewhere',
      initial: () => ({}),
      commands: { Join: unchecked<string>() },
      events: { Joined: personal(unchecked<{ name: string }>(), ['name']) },
      decide: { Join: (_state, name, { event }) => [event('Joined', { name })] },
      evolve: { Joined: (state) => state },
      subject: () => 'everybody',
    });
    const wrong = await opened(env, new MemoryStores(), defineApp({ name: 'app', parts: [elsewhere, subjects] }));
    await expect(wrong.send(elsewhere, 'club/ann', 'Join', 'Ann')).rejects.toThrow('not-colocated');
    await wrong.close();
  });
});

test('what is sealed opens where it was sealed, for a machine that says what is personal', async () => {
  await inWorld(async (env) => {
    const node = await opened(env, new MemoryStores());
    await node.send(customer, 'ann', 'Register', { email: 'ann@example.org', plan: 'gold' });
    const outcome = await node.partitions.read('ann', 'linearizable');
    if (outcome.kind !== 'snapshot') throw new Error(outcome.kind);
    using snapshot = outcome;
    const [row] = readStream(snapshot, customer.name, 'ann');
    if (row === undefined) throw new Error('no row');
    expect(row.events[0]?.data).toEqual({ email: null, plan: 'gold' });
    expect(openedRow(customer, row).events[0]?.data).toEqual({ email: 'ann@example.org', plan: 'gold' });
    for (const moved of [{ key: 'bob' }, { firstVersion: 2 }])
      expect(() => openedRow(customer, { ...row, ...moved })).toThrow(expect.objectContaining({ kind: 'corrupt' }));
    expect(() => openedRow(subjects, row)).toThrow(expect.objectContaining({ kind: 'misuse' }));
    await node.close();
  });
});

test('a table takes personal events, and its deadline holds for who was forgotten', async () => {
  await inWorld(async (env) => {
    const visit = fsm({
      name: 'visit',
      initial: 'away',
      events: { Enter: personal(unchecked<{ name: string }>(), ['name']), Leave: nothing },
      states: { away: { Enter: 'here' }, here: { Leave: 'away', after: { '1min': 'lost' } }, lost: {} },
    });
    const node = await opened(env, new MemoryStores(), defineApp({ name: 'app', parts: [visit, subjects] }));
    await node.send(visit, 'ann', 'Enter', { name: 'Ann' });
    await node.send(subjects, 'ann', 'Forget');
    expect((await node.read(visit, 'ann')).state.at).toBe('here');
    for await (const event of node.events(visit, { key: 'ann' })) {
      if (event.type === 'Enter') expect(event.data.name).toBeNull();
      if (event.type === 'TimedOut') break;
    }
    expect((await node.read(visit, 'ann')).state.at).toBe('lost');
    await node.close();
  });
});

test('a long stream of a forgotten subject is folded again in steps, once', async () => {
  await inWorld(async (env) => {
    const node = await opened(env, new MemoryStores());
    const command = { email: 'ann@example.org', plan: 'gold', times: 600 };
    await node.send(customer, 'ann', 'Register', command);
    await node.send(customer, 'ann', 'Register', command);
    await node.send(subjects, 'ann', 'Forget');
    const { revision } = node.partitions.at(0).status;
    expect((await node.read(customer, 'ann')).state).toEqual({ email: null, plan: 'gold' });
    const folded = node.partitions.at(0).status.revision;
    expect(folded).toBeGreaterThan(revision);
    expect((await node.read(customer, 'ann')).version).toBeGreaterThan(foldedAtOnceMax);
    expect(node.partitions.at(0).status.revision).toBe(folded);
    await node.close();
  });
});

/** Streams that are over are archived: whoever reads, follows, folds, replays or forgets cannot tell. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { MemoryStores } from '../log/memory.ts';
import { storeEngine } from '../log/store-engine.ts';
import { defineApp } from '../machine/app.ts';
import { eventsSystem, orderSystem } from '../machine/event-row.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { query } from '../machine/projection/query.ts';
import { unchecked } from '../machine/schema.ts';
import { archiveSystem } from '../machine/stream-rows.ts';
import type { CommandId } from '../partition/command-id.ts';
import { placeOf } from '../ring/slot.ts';
import { personal, subjects } from '../personal/index.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

interface Note {
  readonly text: string;
  readonly who?: string;
}

const versioned = (codeVersion: number) => {
  const diary = machine({
    name: 'diary',
    codeVersion,
    initial: (): { texts: readonly string[]; isOver: boolean } => ({ texts: [], isOver: false }),
    commands: { Write: unchecked<{ texts: readonly string[]; who?: string }>(), End: unchecked<void>() },
    events: { Written: personal(unchecked<Note>(), ['who']), Ended: unchecked<void>() },
    decide: {
      Write: (_diary, { texts, ...by }, { event }) => texts.map((text) => event('Written', { text, ...by })),
      End: (_diary, _end, { event }) => [event('Ended')],
    },
    evolve: {
      Written: ({ texts }, { text }) => ({ texts: [...texts, text], isOver: false }),
      Ended: (state) => ({ ...state, isOver: true }),
    },
    tags: { Written: ({ text }) => [text.slice(0, 1)] },
    archive: { when: ({ isOver }) => isOver, after: '90s' },
  });
  const texts = projection({
    name: 'texts',
    codeVersion,
    row: unchecked<{ ids: readonly string[] }>(),
    from: { diary, subjects },
    on: {
      diary: { Written: ({ id }, rows) => rows.set('all', { ids: [...(rows.get('all')?.ids ?? []), id] }) },
      subjects: { Forgotten: (_subject, rows) => rows.delete('all') },
    },
  });
  const all = query({
    name: 'all',
    input: unchecked<string>(),
    reads: { texts },
    at: (key) => key,
    run: ({ texts: rows }) => rows.get('all')?.ids,
  });
  return { diary, all, app: defineApp({ name: 'app', parts: [diary, texts, all, subjects] }) };
};

type Versioned = ReturnType<typeof versioned>;

async function inWorld(run: (env: Env, open: (code: Versioned) => Promise<LockstepNode>) => Promise<void>) {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const stores = new MemoryStores();
      await run(env, async ({ app }) => {
        const node = await openNode(env, app, { engine: storeEngine(env, stores), directory: 'state', owner: 'node' });
        await node.leading();
        return node;
      });
    });
  });
}

/** All that anybody can read of a place, in every way; tokens apart, which name revisions. */
async function readings(node: LockstepNode, { diary, all }: Versioned, count: number): Promise<unknown> {
  const bare = (events: readonly { readonly token: string }[]): unknown[] =>
    events.map((event) => ({ ...event, token: null }));
  const some = async (events: AsyncIterable<{ readonly token: string }>): Promise<unknown[]> => {
    const found: { readonly token: string }[] = [];
    for await (const event of events) if (found.push(event) === count) break;
    return bare(found);
  };
  const stream = async (options: Parameters<typeof node.readStream>[2]): Promise<unknown> => {
    const { events, version } = await node.readStream(diary, 'ann/1', options);
    return [bare(events), version];
  };
  const ofStream = [];
  for (const reverse of [false, true])
    for (const fromVersion of [undefined, 1, 2, 3, 6, 7, 8, 100])
      for (const limit of [undefined, 2]) ofStream.push(await stream({ reverse, fromVersion, limit }));
  const followed = [];
  for await (const event of node.events(diary, { key: 'ann/1' })) if (followed.push(event.id) === 7) break;
  const { events: tagged } = await node.readTagged('ann', { queries: [{ tags: ['b'] }] });
  const { state } = await node.read(diary, 'ann/1');
  const rows = (await node.query(all, 'ann')).value;
  return { ofStream, followed, all: await some(node.allEvents()), tagged: bare(tagged), state, rows };
}

/** Rows that stand one by one, chunks, and rows that the order has. */
async function stored(node: LockstepNode, key: string): Promise<readonly number[]> {
  const outcome = await node.partitions.read(key, 'linearizable');
  if (outcome.kind !== 'snapshot') throw new Error(outcome.kind);
  using snapshot = outcome;
  const range = { prefix: ['diary', key] };
  const ofPlace = [eventsSystem, archiveSystem].map((name) => snapshot.system(name, placeOf(key)).range(range));
  const order = [...snapshot.system(orderSystem, null).range()].filter(([at, row]) => at[2] === key && row !== null);
  return [...ofPlace.map((entries) => [...entries].length), order.length];
}

async function write(node: LockstepNode, { diary }: Versioned): Promise<void> {
  await node.send(diary, 'ann/1', 'Write', { texts: ['a1', 'b2'], who: 'ann' });
  await node.send(diary, 'ann/2', 'Write', { texts: ['b3'] });
  await node.send(diary, 'ann/1', 'Write', { texts: ['b4', 'c5', 'b6'] });
  await node.send(diary, 'ann/1', 'Write', { texts: ['x'.repeat(2_000)] }, { correlationId: 'request-7' });
  await node.send(diary, 'ann/2', 'Write', { texts: ['b8'] });
  await node.send(diary, 'ann/1', 'Write', { texts: ['d9'] });
}

test('what is read of an archived stream is what was read before, by every way', async () => {
  await inWorld(async (_env, open) => {
    const code = versioned(1);
    const node = await open(code);
    await write(node, code);
    const before = await readings(node, code, 9);
    expect(await stored(node, 'ann/1')).toEqual([4, 0, 3]);

    expect(await node.archive(code.diary, 'ann/1')).toEqual({ archived: 7, isAll: true });
    expect(await stored(node, 'ann/1')).toEqual([0, 1, 0]);
    expect(await stored(node, 'ann/2')).toEqual([2, 0, 2]);
    expect(await readings(node, code, 9)).toEqual(before);
    expect(await node.archive(code.diary, 'ann/1')).toEqual({ archived: 0, isAll: true });
    expect(await node.archive(code.diary, 'nobody')).toEqual({ archived: 0, isAll: true });
    expect(await node.verifyReplay()).toMatchObject({ streams: 2, events: 9, compared: 2, differingCount: 0 });
    await node.close();
  });
});

test('a command to an archived instance is decided on its state, and one that is sent again is answered as at first', async () => {
  await inWorld(async (env, open) => {
    const code = versioned(1);
    const node = await open(code);
    const commandId = env.newId() as CommandId;
    const first = await node.send(code.diary, 'ann/1', 'Write', { texts: ['a1', 'b2'], who: 'ann' }, { commandId });
    await node.archive(code.diary, 'ann/1');
    const again = await node.send(code.diary, 'ann/1', 'Write', { texts: ['a1', 'b2'], who: 'ann' }, { commandId });
    expect(again).toEqual({ ...first, repeated: true });
    expect(await node.send(code.diary, 'ann/1', 'Write', { texts: ['c3'] })).toMatchObject({ version: 3 });
    expect(await stored(node, 'ann/1')).toEqual([1, 1, 1]);
    const texts = async (options: Parameters<typeof node.readStream>[2]) =>
      (await node.readStream(code.diary, 'ann/1', options)).events.map(({ version }) => version);
    expect(await texts({})).toEqual([1, 2, 3]);
    expect(await texts({ fromVersion: 2 })).toEqual([2, 3]);
    expect(await texts({ reverse: true })).toEqual([3, 2, 1]);
    expect(await texts({ reverse: true, fromVersion: 2 })).toEqual([2, 1]);
    expect(await node.archive(code.diary, 'ann/1')).toEqual({ archived: 1, isAll: true });
    expect(await texts({ reverse: true })).toEqual([3, 2, 1]);
    expect(await texts({ fromVersion: 3 })).toEqual([3]);
    await node.close();
  });
});

test('rows of many bytes make several chunks, and a row that is longer than a chunk one by itself', async () => {
  await inWorld(async (_env, open) => {
    const code = versioned(1);
    const node = await open(code);
    const lengths = [20_000, 20_000, 100, 50_000, 10, 10];
    for (const length of lengths) await node.send(code.diary, 'ann/1', 'Write', { texts: ['a'.repeat(length)] });
    const some = await node.archive(code.diary, 'ann/1', { eventsMax: 1 });
    expect(some.isAll).toBe(false);
    expect(some.archived).toBeGreaterThan(0);
    expect(await node.archive(code.diary, 'ann/1')).toEqual({ archived: lengths.length - some.archived, isAll: true });
    expect(await stored(node, 'ann/1')).toEqual([0, 4, 0]);
    const { events } = await node.readStream(code.diary, 'ann/1', { fromVersion: 2 });
    expect(events.map(({ data }) => data?.text.length)).toEqual(lengths.slice(1));
    await node.close();
  });
});

test('newer code folds archived streams again, and builds its rows of them', async () => {
  await inWorld(async (_env, open) => {
    const old = versioned(1);
    const before = await open(old);
    await write(before, old);
    const read = (await readings(before, old, 9)) as object;
    await before.archive(old.diary, 'ann/1');
    await before.archive(old.diary, 'ann/2');
    await before.close();
    const newer = versioned(2);
    const after = await open(newer);
    expect(await readings(after, newer, 9)).toEqual(read);
    await after.close();
  });
});

test('personal fields of archived events are null once their subject is forgotten', async () => {
  await inWorld(async (_env, open) => {
    const code = versioned(1);
    const node = await open(code);
    await write(node, code);
    await node.archive(code.diary, 'ann/1');
    const who = async () => (await node.readStream(code.diary, 'ann/1')).events.map(({ data }) => data?.who);
    expect((await who()).slice(0, 3)).toEqual(['ann', 'ann', undefined]);
    await node.send(subjects, 'ann', 'Forget');
    expect((await who()).slice(0, 3)).toEqual([null, null, undefined]);
    await node.close();
  });
});

test('a stream whose state says that it is over is archived after the time that was declared, unless it went on', async () => {
  await inWorld(async (env, open) => {
    const code = versioned(1);
    const node = await open(code);
    for (let count = 0; count < 70; count++) await node.send(code.diary, 'ann/1', 'Write', { texts: ['a'] });
    await node.send(code.diary, 'ann/1', 'End', undefined);
    await node.send(code.diary, 'ann/2', 'End', undefined);
    await env.sleep('89s');
    expect(await stored(node, 'ann/1')).toEqual([71, 0, 71]);
    await node.send(code.diary, 'ann/2', 'Write', { texts: ['b'] });
    await env.sleep('2s');
    expect(await stored(node, 'ann/1')).toEqual([0, 2, 0]); // chunks of 64 commands
    expect(await stored(node, 'ann/2')).toEqual([2, 0, 2]);
    expect((await node.readStream(code.diary, 'ann/1', { fromVersion: 60, limit: 8 })).events.length).toBe(8);
    await node.close();
  });
});

/** Appends on a condition: a rule over several streams of a place holds, whoever is first; tokens and queries are checked. */
import { calm, openInMemory, simulate } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { defineApp } from '../machine/app.ts';
import type { NoneSince } from '../machine/definition.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import { tagLimits } from '../machine/tags.ts';
import type { Token } from '../partition/transaction.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const course = machine({
  name: 'course',
  initial: () => ({ students: 0 }),
  commands: { Enroll: unchecked<string>(), Rename: unchecked<string>() },
  events: { Enrolled: unchecked<{ student: string }>(), Renamed: unchecked<string>(), Greeted: unchecked<string>() },
  decide: {
    Enroll: (_course, student, { event }) => [event('Greeted', student), event('Enrolled', { student })],
    Rename: (_course, name, { event }) => [event('Renamed', name)],
  },
  evolve: {
    Enrolled: ({ students }) => ({ students: students + 1 }),
    Renamed: (state) => state,
    Greeted: (state) => state,
  },
  tags: {
    Enrolled: ({ student }) => [`student:${student}`, 'enrolment'],
    Renamed: (name) => (name === '' ? [] : [name.repeat(300)]),
  },
});

async function inWorld(play: (node: LockstepNode) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const app = defineApp({ name: 'uni', parts: [course] });
      const node = await openNode(env, app, {
        engine: memoryEngine(env),
        directory: 'state',
        owner: 'node',
        partitions: 2,
      });
      await node.leading();
      await play(node);
      await node.close();
    });
  });
}

const of = (student: string) => [{ tags: [`student:${student}`], types: ['Enrolled'] }];

test('a rule over several streams of a place holds, however many decide at once', async () => {
  await inWorld(async (node) => {
    const coursesMax = 3;
    const enroll = async (key: string): Promise<string> => {
      for (;;) {
        const { events, token } = await node.readTagged('uni', { queries: of('ann') });
        if (events.length >= coursesMax) return 'enough';
        const requireNone = { queries: of('ann'), after: token };
        const outcome = await node.send(course, key, 'Enroll', 'ann', { requireNone });
        if (outcome.kind !== 'overtaken') return outcome.kind;
        expect(outcome.event).toMatchObject({ machine: 'course', type: 'Enrolled' });
      }
    };
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, count) => enroll(`uni/course-${count}`)));
    expect(outcomes.filter((one) => one === 'committed')).toHaveLength(coursesMax);
    const { events } = await node.readTagged('uni', { queries: of('ann') });
    expect(events.map(({ type, version }) => [type, version])).toEqual(
      Array.from({ length: coursesMax }, () => ['Enrolled', 2]),
    );
  });
});

test('a query asks for all of its tags and any of its types, one of several is enough, and places are apart', async () => {
  await inWorld(async (node) => {
    await node.send(course, 'uni/a', 'Enroll', 'ann');
    await node.send(course, 'uni/b', 'Enroll', 'bob');
    await node.send(course, 'other/a', 'Enroll', 'ann');
    const found = async (...queries: { tags: string[]; types?: string[] }[]): Promise<string[]> =>
      (await node.readTagged('uni', { queries })).events.map(({ key }) => key);
    expect(await found({ tags: ['student:ann'] }, { tags: ['student:bob'] })).toEqual(['uni/a', 'uni/b']);
    expect(await found({ tags: ['student:ann', 'enrolment'] }, { tags: ['student:ann'] })).toEqual(['uni/a']);
    expect(await found({ tags: ['student:ann', 'student:bob'] })).toEqual([]);
    expect(await found({ tags: ['enrolment'], types: ['Greeted'] })).toEqual([]);
    const { token } = await node.readTagged('uni', { queries: [{ tags: ['enrolment'] }] });
    expect((await node.readTagged('uni', { queries: [{ tags: ['enrolment'] }], after: token })).events).toEqual([]);
  });
});

test('a transaction asks for the same, and a rejected one does nothing', async () => {
  await inWorld(async (node) => {
    const never = { queries: of('ann'), after: 'start' } as const;
    const enroll = (): Promise<unknown> =>
      node.transact('uni', (tx) => {
        tx.requireNone(never);
        tx.send(course, 'uni/a', 'Enroll', 'ann');
      });
    await enroll();
    for await (const { type } of node.events(course, { key: 'uni/a' })) if (type === 'Enrolled') break;
    await expect(enroll()).rejects.toMatchObject({ kind: 'rejected', values: { code: 'overtaken' } });
    expect((await node.read(course, 'uni/a')).state).toEqual({ students: 1 });
  });
});

test('tags that are none, a condition without tags and a token of another partition are refused', async () => {
  await inWorld(async (node) => {
    await expect(node.send(course, 'uni/a', 'Rename', 'x')).rejects.toThrow('up to 20 tags');
    expect((await node.read(course, 'uni/a')).version).toBe(0);
    const send = (requireNone: { queries: { tags: string[] }[]; after: 'start' }): Promise<unknown> =>
      node.send(course, 'uni/a', 'Enroll', 'ann', { requireNone });
    await expect(send({ queries: [], after: 'start' })).rejects.toThrow('1 to 20 queries');
    await expect(send({ queries: [{ tags: [] }], after: 'start' })).rejects.toThrow('at least one tag');
    const places = ['a', 'b', 'c', 'd', 'e', 'f'];
    const other = places.find((one) => node.partitions.indexOf(one) !== node.partitions.indexOf('uni')) ?? 'none';
    const { token } = await node.read(course, other);
    const wrong = node.send(course, 'uni/a', 'Enroll', 'ann', { requireNone: { queries: of('ann'), after: token } });
    await expect(wrong).rejects.toThrow('of another partition');
  });
});

test('a command may have many tagged events: what is kept of them grows with their tags alone', async () => {
  const group = machine({
    name: 'group',
    initial: () => ({ members: 0 }),
    commands: { Join: unchecked<number>() },
    events: { Joined: unchecked<string>() },
    decide: {
      Join: (_group, count, { event }) => Array.from({ length: count }, (_, at) => event('Joined', `m-${at}`)),
    },
    evolve: { Joined: ({ members }) => ({ members: members + 1 }) },
    tags: { Joined: (member) => [`member:${member}`, 'anybody', 'anybody'] },
  });
  const node = await openInMemory(defineApp({ name: 'clubs', parts: [group] }));
  expect(await node.send(group, 'c', 'Join', 1_000)).toMatchObject({ kind: 'committed' });
  const found = async (...tags: string[]) =>
    (await node.readTagged('c', { queries: [{ tags }] })).events.map(({ version }) => version);
  expect(await found('member:m-7')).toEqual([8]);
  expect(await found('anybody', 'member:m-7')).toEqual([8]);
  expect(await found('anybody')).toHaveLength(1_000);
  const queries = ['member:m-9', 'member:m-2'].map((tag) => ({ tags: [tag] }));
  expect((await node.readTagged('c', { queries })).events.map(({ version }) => version)).toEqual([3, 10]);
  await node.close();
});

test('a tag with more events than one look takes is read in pages, and a condition says at once that it asks for too much', async () => {
  const node = await openInMemory(defineApp({ name: 'uni', parts: [course] }));
  const count = tagLimits.rowsMax + 50;
  for (let sent = 0; sent < count; sent += 1_000)
    await Promise.all(
      Array.from({ length: Math.min(1_000, count - sent) }, (_, at) =>
        node.send(course, 'uni/a', 'Enroll', `s-${sent + at}`),
      ),
    );
  const queries = [{ tags: ['enrolment'] }];
  const first = await node.readTagged('uni', { queries });
  expect([first.isAll, first.events.length]).toEqual([false, tagLimits.rowsMax]);
  const rest = await node.readTagged('uni', { queries, after: first.token });
  expect([rest.isAll, rest.events.length]).toEqual([true, 50]);
  const enroll = (after: Token | 'start') =>
    node.send(course, 'uni/b', 'Enroll', 'zoe', { requireNone: { queries, after } });
  const rare = [{ tags: ['enrolment'], types: ['Renamed'] }];
  await expect(
    node.send(course, 'uni/b', 'Enroll', 'zoe', { requireNone: { queries: rare, after: 'start' } }),
  ).rejects.toMatchObject({
    kind: 'invalid',
    values: { tag: 'enrolment', rowsMax: tagLimits.rowsMax },
  });
  expect((await enroll(first.token)).kind).toBe('overtaken');
  expect((await enroll(rest.token)).kind).toBe('committed');
  await node.close();
});

test('conditions that could not hold anything off are refused', async () => {
  await inWorld(async (node) => {
    const { token } = await node.readTagged('uni', { queries: of('ann') });
    await node.send(course, 'uni/a', 'Enroll', 'ann');
    const ahead = token.replace(/[^.]+$/, 'zzzz') as Token;
    const send = (requireNone: NoneSince) => node.send(course, 'uni/b', 'Enroll', 'ann', { requireNone });
    await expect(send({ queries: of('ann'), after: ahead })).rejects.toMatchObject({ kind: 'invalid' });
    const misspelt = [{ tags: ['student:ann'], types: ['Enroled'] }];
    await expect(send({ queries: misspelt, after: token })).rejects.toMatchObject({
      kind: 'misuse',
      values: { type: 'Enroled' },
    });
    await expect(node.readTagged('uni', { queries: misspelt })).rejects.toMatchObject({ kind: 'misuse' });
    expect((await node.read(course, 'uni/b')).version).toBe(0);
    const other = (await node.readTagged('place-3', { queries: of('ann') })).token;
    const places = ['uni', 'a', 'b', 'c', 'd'].filter(
      (place) => node.partitions.indexOf(place) !== node.partitions.indexOf('place-3'),
    );
    for (const place of places)
      await expect(node.readTagged(place, { queries: of('ann'), after: other })).rejects.toMatchObject({
        kind: 'invalid',
      });
    expect(places.length).toBeGreaterThan(0);
    for (const options of [{ types: [] }, { machines: [] }, { types: ['Enroled'] }, { order: 'tme' as 'time' }])
      await expect(node.allEvents(options).next()).rejects.toMatchObject({ kind: 'misuse' });
  });
});

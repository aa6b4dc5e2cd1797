/** Many streams of the same events: one reader for those that have come so far, and each has every event once. */
import fc from 'fast-check';
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import type { Connection } from '../machine/connection.ts';
import type { LockstepNode } from '../node/node.ts';
import { account } from '../../test/models/shop.ts';
import { expose } from './api.ts';

const app = defineApp({ name: 'bank', parts: [account] });
const api = expose([allow(account, { read: true })], async () => ({ actor: 'anybody' }));
let node: LockstepNode;
let readers = 0;

beforeAll(async () => {
  node = await openInMemory(app);
});
afterAll(() => node.close());

/** The node, which counts how many read events at once. */
const counted: Connection = {
  send: (...input) => node.send(...input),
  read: (...input) => node.read(...input),
  query: (...input) => node.query(...input),
  watch: (...input) => node.watch(...input),
  async *events(...input) {
    readers++;
    try {
      yield* node.events(...input);
    } finally {
      readers--;
    }
  },
};
const handler = api.handler(counted);
/** Whose tail holds a few events: streams fall behind it all the time. */
const narrow = api.handler(counted, { limits: { streamBytesMax: 1_000 } });

const deposit = async (key: string, count: number): Promise<void> => {
  for (let amount = 1; amount <= count; amount++) await node.send(account, key, 'Deposit', { amount });
};

class Follower {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = '';
  #reading: Promise<boolean> | null = null;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  static async of(key: string | null, { from = handler, lastId = '' } = {}): Promise<Follower> {
    const query = key === null ? '' : `?key=${key}`;
    const headers = { accept: 'text/event-stream', ...(lastId === '' ? {} : { 'last-event-id': lastId }) };
    const { body } = await from(new Request(`http://bank.test/machines/account/events${query}`, { headers }));
    if (body === null) throw new Error('a stream has a body');
    return new Follower(body);
  }

  /** `KEY@VERSION` of the events that have come. */
  get come(): readonly string[] {
    return [...this.#text.matchAll(/"id":"account\/([^"]+)"/g)].map(([, id = '']) => id);
  }

  /** Of so many events, or more. */
  async events(count: number): Promise<readonly string[]> {
    for (;;) {
      const { come } = this;
      if (come.length >= count) return come;
      if (!(await this.more())) throw new Error(`the stream has ended: ${this.#text.slice(-500)}`);
    }
  }

  /** Of the last event. */
  get lastId(): string {
    return [...this.#text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
  }

  get text(): string {
    return this.#text;
  }

  /** Whether there was more; one read at a time, whoever asks. */
  more(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    this.#text += new TextDecoder().decode(value);
    return !done;
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

const upTo = (key: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `${key}@${at + 1}`);
const eachOf = <T>(count: number, make: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => make(at)));

test('streams that have come so far share one reader, each has every event once, and the last to leave ends it', async () => {
  const followers = await eachOf(30, () => Follower.of('shared'));
  const all = Promise.all(followers.map((one) => one.events(20)));
  await deposit('shared', 20);
  for (const events of await all) expect(events).toEqual(upTo('shared', 20));
  await expect.poll(() => readers).toBe(1);
  await Promise.all(followers.map((one) => one.leave()));
  await expect.poll(() => readers).toBe(0);
});

test('who comes later reads what was there by itself, then goes over to the others', async () => {
  await deposit('later', 5);
  const first = await Follower.of('later');
  expect(await first.events(5)).toEqual(upTo('later', 5));
  await deposit('later', 5);
  const second = await Follower.of('later');
  expect(await second.events(10)).toEqual(upTo('later', 10));
  const third = await Follower.of('later', { lastId: second.lastId });
  await expect.poll(() => readers).toBe(1);
  await deposit('later', 1);
  for (const one of [first, second]) expect(await one.events(11)).toEqual(upTo('later', 11));
  expect(await third.events(1)).toEqual(['later@11']);
  await Promise.all([first, second, third].map((one) => one.leave()));
  await expect.poll(() => readers).toBe(0);
});

test('streams of a whole machine share one reader once each has met an event', async () => {
  const known = (await events(null)).length;
  const followers = await eachOf(10, () => Follower.of(null));
  await deposit('whole-1', 3);
  await deposit('whole-2', 3);
  const added = [...upTo('whole-1', 3), ...upTo('whole-2', 3)];
  for (const one of followers) expect((await one.events(known + 6)).slice(known)).toEqual(added);
  await deposit('whole-1', 1);
  for (const one of followers) expect((await one.events(known + 7)).at(-1)).toBe('whole-1@4');
  await expect.poll(() => readers).toBe(1);
  await Promise.all(followers.map((one) => one.leave()));
  await expect.poll(() => readers).toBe(0);
});

test('a stream that falls behind further than the tail reaches misses nothing', async () => {
  const slow = await Follower.of('behind', { from: narrow });
  await deposit('behind', 1);
  await slow.events(1);
  await deposit('behind', 100);
  expect(await slow.events(101)).toEqual(upTo('behind', 101));
  await slow.leave();
  await expect.poll(() => readers).toBe(0);
});

test('whenever streams come, break off, are resumed or dawdle: nothing is missed, and nothing comes twice', async () => {
  const step = fc.record({ does: fc.constantFrom('send', 'send', 'open', 'resume', 'read'), which: fc.nat(5) });
  let round = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, isWhole) => {
    const name = `moment-${round++}`;
    const before = isWhole ? (await events(null)).length : 0;
    const key = isWhole ? null : name;
    const followers: { from: number; lastId: string; stream: Follower }[] = [];
    const sending: Promise<unknown>[] = [];
    for (const { does, which } of steps) {
      const at = which % Math.max(1, followers.length);
      const known = followers[at];
      if (does === 'send') sending.push(node.send(account, name, 'Deposit', { amount: 1 }));
      else if (does === 'open')
        followers.push({ from: 0, lastId: '', stream: await Follower.of(key, { from: narrow }) });
      else if (known === undefined) continue;
      else if (does === 'read') void known.stream.more(); // there may be nothing to read
      else {
        const from = known.from + known.stream.come.length;
        const lastId = known.stream.lastId === '' ? known.lastId : known.stream.lastId;
        await known.stream.leave();
        followers[at] = { from, lastId, stream: await Follower.of(key, { from: narrow, lastId }) };
      }
      if (which === 0) await sending.at(-1);
    }
    await Promise.all(sending);
    const all = upTo(name, sending.length);
    for (const { from, stream } of followers) {
      const given = await stream.events(before + all.length - from);
      expect(given.slice(Math.max(0, before - from))).toEqual(all.slice(Math.max(0, from - before)));
      await stream.leave();
    }
  });
  await fc.assert(property, { numRuns: 25 });
  await expect.poll(() => readers).toBe(0);
});

test('a node that closes tells every stream so, and it can be gone on with', async () => {
  const closing = await openInMemory(app);
  const followers = await eachOf(5, () => Follower.of('closing', { from: api.handler(closing) }));
  await closing.send(account, 'closing', 'Deposit', { amount: 1 });
  for (const one of followers) expect(await one.events(1)).toEqual(['closing@1']);
  await closing.close();
  for (const one of followers) {
    while (await one.more());
    expect(one.text).toContain('event: problem\ndata: {"type":"/errors/stopped"');
    expect(one.lastId).toContain('~1~closing');
  }
});

/** All that are there. */
async function events(key: string | null): Promise<readonly string[]> {
  const query = key === null ? '?limit=1000' : `?limit=1000&key=${key}`;
  const response = await handler(new Request(`http://bank.test/machines/account/events${query}`));
  const { events: found } = (await response.json()) as { readonly events: readonly { readonly id: string }[] };
  return found.map(({ id }) => id);
}

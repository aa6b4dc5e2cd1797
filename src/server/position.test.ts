/** Pages and streams of events of several partitions, gone on with again and again: each event comes once, in its order. */
import { openInMemory } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { SeededRandom } from '../kernel/random.ts';
import { allow } from '../machine/access.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import type { LockstepNode } from '../node/node.ts';
import { expose } from './api.ts';
import type { Handler } from './exchange.ts';

const counter = machine({
  name: 'counter',
  initial: () => ({ count: 0 }),
  commands: { Count: unchecked<number>() },
  events: { Counted: unchecked<number>() },
  decide: { Count: (_state, times, { event }) => Array.from({ length: times }, (_, at) => event('Counted', at)) },
  evolve: { Counted: ({ count }) => ({ count: count + 1 }) },
});
const app = defineApp({ name: 'app', parts: [counter] });
const api = expose([allow(counter, { read: true })], async () => ({ actor: 'ann' }));
const keys = ['a', 'b', 'c', 'd', 'e~f', 'g/1', 'g/2'];

interface Seen {
  readonly id: string;
  readonly key: string;
  readonly version: number;
}

/** Each key's versions from 1 on, none twice. */
function checkAll(seen: readonly Seen[], sent: ReadonlyMap<string, number>): void {
  for (const [key, count] of sent)
    expect(seen.filter((event) => event.key === key).map(({ version }) => version)).toEqual(
      Array.from({ length: count }, (_, at) => at + 1),
    );
}

async function sendSome(node: LockstepNode, random: SeededRandom, sent: Map<string, number>): Promise<void> {
  for (let count = random.below(4); count > 0; count--) {
    const key = random.pick(keys);
    const times = 1 + random.below(3);
    await node.send(counter, key, 'Count', times);
    sent.set(key, (sent.get(key) ?? 0) + times);
  }
}

const at = (query: string): string => `http://app.test/machines/counter/events?${query}`;

test.each([1, 2, 3])('pages of any length, polled while events come, over %i partitions', async (partitions) => {
  const node = await openInMemory(app, { partitions });
  const handler = api.handler(node);
  for (let seed = 1; seed <= 6; seed++) {
    const random = new SeededRandom(`pages ${partitions} ${seed}`);
    const sent = new Map<string, number>();
    const before = new Map<string, number>();
    for (const key of keys) before.set(key, (await node.read(counter, key)).version);
    const seen: Seen[] = [];
    let next = 'now';
    for (let round = 0; round < 40; round++) {
      if (round > 0 && round < 30) await sendSome(node, random, sent);
      const limit = round < 30 ? 1 + random.below(4) : 100;
      const query = new URLSearchParams({ after: next, limit: String(limit), wait: '5ms' });
      const response = await handler(new Request(at(query.toString())));
      const page = (await response.json()) as { events: Seen[]; next: string };
      expect([response.status, page.next.length < 400]).toEqual([200, true]);
      seen.push(...page.events);
      next = page.next;
      if (round >= 30 && page.events.length === 0) break;
    }
    checkAll(
      seen.map((event) => ({ ...event, version: event.version - (before.get(event.key) ?? 0) })),
      sent,
    );
  }
  await node.close();
});

test.each([1, 2, 3])('streams that are cut off anywhere, while events come, over %i partitions', async (partitions) => {
  const node = await openInMemory(app, { partitions });
  const handler = api.handler(node);
  const random = new SeededRandom(`streams ${partitions}`);
  const sent = new Map<string, number>();
  const seen: Seen[] = [];
  let lastId: string | null = null;
  const missing = (): number => [...sent.values()].reduce((sum, count) => sum + count, 0) - seen.length;
  for (let round = 0; round < 40 || missing() > 0; round++) {
    if (round < 40) await sendSome(node, random, sent);
    if (missing() === 0) continue;
    for (const { id, event } of await someFrames(handler, lastId, Math.min(missing(), 1 + random.below(4)))) {
      seen.push(event);
      lastId = id;
    }
  }
  checkAll(seen, sent);
  await node.close();
});

/** So many, or as many as the chunk with the last of them has. */
async function someFrames(handler: Handler, lastId: string | null, count: number) {
  const headers = { accept: 'text/event-stream', ...(lastId === null ? {} : { 'last-event-id': lastId }) };
  const response = await handler(new Request(at(''), { headers }));
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const frames: { readonly id: string; readonly event: Seen }[] = [];
  let text = '';
  while (frames.length < count) {
    const chunk = await reader?.read();
    if (chunk?.value === undefined) break;
    text += decoder.decode(chunk.value, { stream: true });
    const whole = text.split('\n\n');
    text = whole.pop() ?? '';
    for (const frame of whole) {
      const id = /^id: (.*)$/m.exec(frame)?.[1];
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (id !== undefined && data !== undefined && frames.length < count)
        frames.push({ id, event: JSON.parse(data) as Seen });
    }
  }
  await reader?.cancel();
  return frames;
}

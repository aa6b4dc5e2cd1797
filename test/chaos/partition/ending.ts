/** What a chaos of partitions reads once all is healed: what partitions note of themselves, and whether nodes agree. */
import type { TransactionStep } from 'lockstep/check';
import { ShardMap, slotOf } from 'lockstep/ring';
import type { Client } from './client.ts';
import type { Notes } from './judge.ts';
import { type Note, pageLength, partitionCount, places, type StepsDone, type Topic } from './requests.ts';
import type { Witness } from './witness.ts';

/** Whether all messages have arrived and all timers that will fire have fired. */
export async function settle(client: Client, { timers }: Witness): Promise<boolean> {
  const all = await Promise.all(indexes.map(async (index) => [index, await countsOf(client, index)] as const));
  const counts = new Map(all);
  const sent = sum([...counts.values()].map((one) => one.sent));
  const got = sum([...counts.values()].map((one) => one.got));
  const fired = new Set([...counts.values()].flatMap((one) => one.fired));
  const isPending = [...timers].some(
    ([name, { set, cancelled }]) => set === 'acknowledged' && cancelled === null && !fired.has(name),
  );
  return sent === got && !isPending;
}

const indexes: readonly number[] = Array.from({ length: partitionCount }, (_, index) => index);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

async function countsOf(client: Client, index: number): Promise<{ sent: number; got: number; fired: string[] }> {
  const [sent, got, fired] = await Promise.all(
    (['sent', 'got', 'fired'] as const).map((topic) => readTopic(client, index, topic)),
  );
  return {
    sent: sent?.length ?? 0,
    got: got?.length ?? 0,
    fired: (fired ?? []).map(([[, name]]) => String(name)),
  };
}

/** Of all partitions; besides, the lists are read once more, so that the last writes to them are seen. */
export async function readNotes(client: Client): Promise<readonly Notes[]> {
  await readLists(client);
  const notes: Notes[] = [];
  for (const index of indexes) {
    const ran = await readTopic(client, index, 'ran');
    const sent = await readTopic(client, index, 'sent');
    const got = await readTopic(client, index, 'got');
    notes.push({ ran, sent, got, fired: await readTopic(client, index, 'fired') });
  }
  return notes;
}

async function readTopic(client: Client, index: number, topic: Topic): Promise<readonly Note[]> {
  const all: Note[] = [];
  for (let after: Note[0] | null = null; ;) {
    const { answer } = await client.ask({ kind: 'page', index, topic, after });
    if (answer?.kind !== 'page') throw new Error(`nobody tells what ${topic} of partition ${index}, and all is healed`);
    all.push(...answer.entries);
    if (answer.entries.length < pageLength) return all;
    after = answer.entries.at(-1)?.[0] ?? null;
  }
}

const listsAtOnce = 20;

async function readLists(client: Client): Promise<void> {
  const { lists } = client.witness;
  const keys = [...new Set(lists.history().flatMap(({ call }) => call.map(({ key }) => key)))];
  for (let from = 0; from < keys.length; from += listsAtOnce) {
    const steps = keys.slice(from, from + listsAtOnce).map((key): TransactionStep => ({ kind: 'read', key }));
    const pending = lists.invoke(client.name, steps);
    const { answer } = await client.command(places.lists, { kind: 'steps', steps, waits: false });
    if (answer?.kind !== 'done') throw new Error('nobody reads the lists, and all is healed');
    pending.ok(answer.value as unknown as StepsDone);
  }
}

/** Whether nodes that are at one revision have one state. `areOfOneRevision`: all of them could be compared. */
export async function readDigests(
  client: Client,
  nodeCount: number,
): Promise<{ readonly areOfOneRevision: boolean; readonly problem: string | null }> {
  const map = ShardMap.even(partitionCount);
  for (const index of indexes) {
    const place = places.senders.find((one) => map.partitionOf(slotOf(one)) === index);
    if (place === undefined) throw new Error(`no place is in partition ${index}`);
    const { answer } = await client.command(place, { kind: 'steps', steps: [], waits: false });
    if (answer?.kind !== 'done') return { areOfOneRevision: false, problem: null };
    const request = { kind: 'digest', index, atLeast: answer.token } as const;
    const asked = Array.from({ length: nodeCount }, (_, at) => client.askAt(at, request));
    const digests = (await Promise.all(asked)).filter((one) => one?.kind === 'digest');
    if (digests.length < nodeCount || new Set(digests.map(({ revision }) => revision)).size > 1)
      return { areOfOneRevision: false, problem: null };
    if (new Set(digests.map(({ text }) => text)).size > 1)
      return { areOfOneRevision: true, problem: `nodes differ in partition ${index} at ${digests[0]?.revision}` };
  }
  return { areOfOneRevision: true, problem: null };
}

/**
 * Courses and students: a rule over several streams that holds although many decide at once, a reaction that happens once,
 * all events in the order of time, and one of them as a CloudEvent. On this machine, in a directory of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineApp, machine, open, toCloudEvent, unchecked } from 'lockstep';

const course = machine({
  name: 'course',
  initial: () => ({ students: 0 }),
  commands: { Enroll: unchecked<{ student: string }>() },
  events: { Enrolled: unchecked<{ student: string }>() },
  decide: { Enroll: (_course, data, { event }) => [event('Enrolled', data)] },
  evolve: { Enrolled: ({ students }) => ({ students: students + 1 }) },
  tags: { Enrolled: ({ student }) => [`student:${student}`] },
});

const letterbox = machine({
  name: 'letterbox',
  initial: () => ({ letters: 0 }),
  commands: { Deliver: unchecked<{ text: string }>() },
  events: { Delivered: unchecked<{ text: string }>() },
  decide: { Deliver: (_box, letter, { event }) => [event('Delivered', letter)] },
  evolve: { Delivered: ({ letters }) => ({ letters: letters + 1 }) },
});

const data = await mkdtemp(join(tmpdir(), 'lockstep-events-'));
const node = await open(defineApp({ name: 'uni', parts: [course, letterbox] }), { data, partitions: 3 });

/** Two courses a student, whichever they are. */
async function enroll(student: string, key: string): Promise<string> {
  const queries = [{ tags: [`student:${student}`] }];
  for (;;) {
    const { events, token } = await node.readTagged('uni', { queries });
    if (events.length >= 2) return 'has two courses';
    const outcome = await node.send(course, key, 'Enroll', { student }, { requireNone: { queries, after: token } });
    if (outcome.kind !== 'overtaken') return outcome.kind;
  }
}

const outcomes = await Promise.all(['logic', 'music', 'sport'].map((name) => enroll('ann', `uni/${name}`)));
console.log(outcomes.toSorted().join(', '));

const letters = node.subscription('letters', { machines: [course] });
let left = 2;
for await (const event of letters) {
  await letters.ack((tx) => tx.send(letterbox, event.data.student, 'Deliver', { text: `welcome to ${event.key}` }));
  if (--left === 0) break;
}

left = 4;
for await (const event of node.allEvents({ order: 'time' })) {
  console.log(
    event.machine,
    event.type,
    event.correlationId === event.commandId ? 'from outside' : 'from another event',
  );
  if (--left > 0) continue;
  const { type, subject, datacontenttype } = toCloudEvent(event, { source: 'https://uni.example' });
  console.log(type, subject, datacontenttype);
  break;
}

await node.close();
await rm(data, { recursive: true });

/**
 * Two people share a chat room, and one of them is forgotten: what she said is gone, what it was about and when stays, and
 * whoever follows the room's events hears of it.
 */
import { rmSync } from 'node:fs';
import { defineApp, machine, open, unchecked } from 'lockstep';
import { personal, subjects } from 'lockstep/personal';

interface Said {
  readonly text: string;
  readonly topic: string;
}

/** One stream a speaker: `ROOM/SPEAKER`. The room is the place, the speaker's key is the speaker's alone. */
const speaker = machine({
  name: 'speaker',
  initial: (): { said: number; last: string | null } => ({ said: 0, last: null }),
  commands: { Say: unchecked<Said>() },
  events: { Said: personal(unchecked<Said>(), ['text']) },
  decide: { Say: (_speaker, said, { event }) => [event('Said', said)] },
  evolve: { Said: ({ said }, { text }) => ({ said: said + 1, last: text }) },
  subject: (key) => key,
});

const data = 'personal-example';
const node = await open(defineApp({ name: 'chat', parts: [speaker, subjects] }), { data });

async function print(): Promise<void> {
  for (const key of ['lobby/ann', 'lobby/bob']) {
    const { events } = await node.readStream(speaker, key);
    for (const { data: said } of events) console.log(key, 'on', said.topic, 'said', said.text ?? '(forgotten)');
    console.log(key, (await node.read(speaker, key)).state);
  }
}

await node.send(speaker, 'lobby/ann', 'Say', { text: 'my number is 555-0100', topic: 'plans' });
await node.send(speaker, 'lobby/bob', 'Say', { text: 'see you there', topic: 'plans' });
await print();

await node.send(subjects, 'lobby/ann', 'Forget');
console.log('forgotten');
await print();

// She is back, as somebody new.
await node.send(speaker, 'lobby/ann', 'Say', { text: 'hello', topic: 'weather' });
await print();

await node.close();
rmSync(data, { recursive: true, force: true });

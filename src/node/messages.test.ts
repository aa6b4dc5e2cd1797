/** What a decision sends is refused with it where it could never take effect: then nothing is done. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { memoryEngine } from '../log/memory.ts';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { nothing, unchecked } from '../machine/schema.ts';
import type { LockstepNode } from './node.ts';
import { openNode } from './open.ts';

const parcel = machine({
  name: 'parcel',
  initial: () => ({ got: 0 }),
  commands: { Send: unchecked<number>(), SendLater: unchecked<number>(), Take: unchecked<string>() },
  events: { Sent: nothing, Taken: nothing },
  decide: {
    Send: (_state, bytes, { event, send }) => {
      send(parcel, 'to', 'Take', 'x'.repeat(bytes));
      return [event('Sent')];
    },
    SendLater: (_state, bytes, { event, sendAfter }) => {
      sendAfter('1s', parcel, 'to', 'Take', 'x'.repeat(bytes));
      return [event('Sent')];
    },
    Take: (_state, _text, { event }) => [event('Taken')],
  },
  evolve: { Sent: (state) => state, Taken: ({ got }) => ({ got: got + 1 }) },
});

const taking = <const N extends string>(name: N) =>
  machine({
    name,
    initial: () => ({}),
    commands: { Take: unchecked<string>() },
    events: {},
    decide: { Take: () => [] },
    evolve: {},
  });
const stranger = taking('stranger');
const another = taking('parcel');

/** Sends to whichever machine it is asked to. */
const sender = machine({
  name: 'sender',
  initial: () => ({}),
  commands: { Send: unchecked<'stranger' | 'another' | 'parcel'>(), SendLater: unchecked<'stranger' | 'another'>() },
  events: { Sent: nothing },
  decide: {
    Send: (_state, whom, { event, send }) => {
      if (whom === 'parcel') send(parcel, 'to', 'Take', '');
      else send(whom === 'another' ? another : stranger, 'to', 'Take', '');
      return [event('Sent')];
    },
    SendLater: (_state, whom, { event, sendAfter }) => {
      sendAfter('1h', whom === 'another' ? another : stranger, 'to', 'Take', '');
      return [event('Sent')];
    },
  },
  evolve: { Sent: (state) => state },
});

async function inWorld(play: (node: LockstepNode, env: Env) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const app = defineApp({ name: 'app', parts: [parcel, sender] });
      const channels = { messageBytesMax: 1_000 };
      const node = await openNode(env, app, {
        engine: memoryEngine(env),
        directory: 'state',
        owner: 'node',
        channels,
      });
      await node.leading();
      await play(node, env);
      await node.close();
    });
  });
}

test('a message that is too large is refused with the limit, also one for later', async () => {
  await inWorld(async (node, env) => {
    const refused = { kind: 'invalid', values: expect.objectContaining({ bytesMax: 1_000 }) };
    for (const command of ['Send', 'SendLater'] as const) {
      await expect(node.send(parcel, 'from', command, 1_000)).rejects.toMatchObject(refused);
      await node.send(parcel, 'from', command, 500);
    }
    const later = node.transact('from', (tx) => tx.send(parcel, 'to', 'Take', 'x'.repeat(1_000)));
    await expect(later).rejects.toMatchObject(refused);
    await env.sleep('2s');
    expect((await node.read(parcel, 'from')).version).toBe(2);
    expect((await node.read(parcel, 'to')).state.got).toBe(2);
  });
});

test('a message to what is no part of the app is misuse with the line to add, and nothing is done', async () => {
  await inWorld(async (node) => {
    const misuse = (message: string) => ({
      kind: 'misuse',
      message: expect.stringMatching(new RegExp(`${message}[^]*defineApp`)),
    });
    for (const [whom, message] of [
      ['stranger', 'no part of the app'],
      ['another', 'another machine of this name'],
    ] as const) {
      for (const command of ['Send', 'SendLater'] as const)
        await expect(node.send(sender, 'from', command, whom)).rejects.toMatchObject(misuse(message));
      const machines = { stranger, another };
      const sent = node.transact('from', (tx) => tx.send(machines[whom], 'to', 'Take', ''));
      await expect(sent).rejects.toMatchObject(misuse(message));
    }
    expect((await node.read(sender, 'from')).version).toBe(0);
    expect(await node.deadLetters()).toEqual([]);
    await node.send(sender, 'from', 'Send', 'parcel');

    const subscription = node.subscription('relay', { machines: [sender] });
    for await (const _event of subscription) {
      const acknowledged = subscription.ack((tx) => tx.send(stranger, 'to', 'Take', ''));
      await expect(acknowledged).rejects.toMatchObject(misuse('no part of the app'));
      break;
    }
  });
});

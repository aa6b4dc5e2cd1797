/** What can be done over HTTP to what stands still: projections that stopped, messages that were put aside; and to what is over. */
import { setImmediate as turn } from 'node:timers/promises';
import { openInMemory } from 'lockstep/sim';
import { expect, test } from 'vitest';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { projection } from '../machine/projection/projection.ts';
import { reject } from '../machine/rejection.ts';
import { unchecked } from '../machine/schema.ts';
import { nodeHandler } from './node-handler.ts';
import { nodePaths } from './node-paths.ts';

const bearer = 'sixteen-characters-and-more';

test('projections that stopped try again or pass over; letters are tried again or dropped; streams are archived', async () => {
  let isMended = false;
  const box = machine({
    name: 'box',
    initial: () => ({ letters: 0 }),
    commands: { Put: unchecked<{ to: string }>(), Take: unchecked<void>() },
    events: { Sent: unchecked<void>(), Taken: unchecked<void>() },
    decide: {
      Put: (_state, { to }, { event, send }) => {
        send(box, to, 'Take');
        return [event('Sent')];
      },
      Take: (_state, _data, { event }) => (isMended ? [event('Taken')] : reject('jammed')),
    },
    evolve: { Sent: (state) => state, Taken: ({ letters }) => ({ letters: letters + 1 }) },
  });
  const sent = projection({
    name: 'sent',
    row: unchecked<{ count: number }>(),
    from: { box },
    on: {
      box: {
        Sent: () => {
          throw new Error('no room');
        },
      },
    },
  });
  await using node = await openInMemory(defineApp({ name: 'post', parts: [box, sent] }));
  const handler = nodeHandler(node, { bearer });
  const ask = async (method: string, path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${bearer}` };
    const response = await handler(new Request(`http://post.test${path}`, { method, headers }));
    return response.ok ? response.json() : response.status;
  };
  await node.send(box, 'a', 'Put', { to: 'b' });
  await node.send(box, 'a', 'Put', { to: 'c' });
  let letters: readonly { readonly id: string; readonly partition: number }[] = [];
  for (; letters.length < 2; await turn()) letters = await node.deadLetters();
  const [first, second] = letters.map(({ partition, id }) => `?partition=${partition}&id=${id}`);

  expect(await ask('GET', nodePaths.retryDeadLetter + first)).toBe(405);
  expect(await ask('POST', nodePaths.retryDeadLetter + first)).toMatchObject({ kind: 'rejected', code: 'jammed' });
  expect(await ask('POST', nodePaths.discardDeadLetter + first)).toEqual({ kind: 'done' });
  expect(await ask('POST', nodePaths.discardDeadLetter + first)).toMatchObject({ code: 'no-such-letter' });
  isMended = true;
  expect(await ask('POST', nodePaths.retryDeadLetter + second)).toEqual({ kind: 'done' });
  expect(await ask('POST', `${nodePaths.discardDeadLetter}?id=none`)).toBe(400);
  expect((await node.read(box, 'c')).state).toEqual({ letters: 1 });
  expect(await node.deadLetters()).toEqual([]);

  expect(await node.projections()).toMatchObject([{ kind: 'stopped' }]);
  expect(await ask('POST', `${nodePaths.retryProjection}?name=sent`)).toEqual([0]);
  expect(await ask('POST', `${nodePaths.skipProjectionEvent}?name=none`)).toBe(400);

  expect(await ask('POST', `${nodePaths.archive}?machine=box&key=a`)).toEqual({ archived: 2, isAll: true });
  expect(await ask('POST', `${nodePaths.archive}?machine=box&key=a`)).toEqual({ archived: 0, isAll: true });
  expect(await ask('POST', `${nodePaths.archive}?machine=none&key=a`)).toBe(400);
});

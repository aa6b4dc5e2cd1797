/** Several partitions in a calm world: where keys go, what is settled at creation, and messages between them. */
import { calm, simulate, type Env } from 'lockstep/sim';
import { describe, expect, test } from 'vitest';
import type { StoredValue } from '../bytes/value-format.ts';
import { memoryEngine } from '../log/memory.ts';
import type { LogEngine } from '../log/port.ts';
import { Waits } from '../observe/waits.ts';
import { openPartitions, type Partitions, type PartitionsOptions } from './partitions.ts';
import type { MessageHandler } from './channel/message.ts';

const config = { silenceMs: 300, pauseMsMax: 100, attemptMsMax: 400, settleMsMax: 3_000 };

async function inWorld(play: (env: Env, engine: LogEngine) => Promise<void>): Promise<void> {
  await simulate({ seeds: 1, twice: false, weather: calm }, async (world) => {
    await world.run('node', async (env) => {
      const engine = memoryEngine(env, { config });
      await play(env, engine);
      await engine.close();
    });
  });
}

async function led(env: Env, engine: LogEngine, options: Partial<PartitionsOptions> = {}): Promise<Partitions> {
  const partitions = await openPartitions(env, { engine, directory: 'state', owner: 'node', ...options });
  await partitions.leading();
  return partitions;
}

/** A place of each partition. */
const placesOf = (partitions: Partitions): readonly string[] =>
  Array.from({ length: partitions.count }, (_, index) => {
    for (let at = 0; ; at++) if (partitions.indexOf(`place-${at}`) === index) return `place-${at}`;
  });

/** Each message adds itself to a list at its place. */
const noting: MessageHandler = (tx, { message }) => {
  tx.set(['got'], [...((tx.get(['got']) as StoredValue[] | undefined) ?? []), message]);
};

async function gotAt(partitions: Partitions, place: string): Promise<readonly string[]> {
  const outcome = await partitions.transact(place, (tx) => (tx.get(['got']) as string[] | undefined) ?? []);
  return outcome.kind === 'committed' ? outcome.value : expect.unreachable();
}

async function until(env: Env, isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await env.sleep('10ms');
}

describe('several partitions', () => {
  test('a key goes to the partition that has its place; the count that was settled stays', async () => {
    await inWorld(async (env, engine) => {
      const partitions = await led(env, engine, { count: 3 });
      expect(partitions.count).toBe(3);
      const places = placesOf(partitions);
      for (const place of places) await partitions.transact(`${place}/x`, (tx) => tx.set(['is'], place));
      for (const [index, place] of places.entries()) {
        const read = await partitions.at(index).read('linearizable');
        if (read.kind !== 'snapshot') expect.unreachable();
        expect(places.map((one) => read.at(one).get(['is']))).toEqual(
          places.map((one) => (one === place ? place : undefined)),
        );
        read[Symbol.dispose]();
      }
      await partitions.close();
      await expect(led(env, engine, { count: 2 })).rejects.toMatchObject({ kind: 'misuse' });
      const again = await led(env, engine);
      expect([again.count, places.map((place) => again.indexOf(place))]).toEqual([3, [0, 1, 2]]);
      expect(() => again.at(3)).toThrow('no such partition');
      await again.close();
    });
  });

  test('what has another place is not colocated, with one partition too', async () => {
    await inWorld(async (env, engine) => {
      const partitions = await led(env, engine);
      expect(partitions.count).toBe(1);
      const elsewhere = partitions.transact('a/1', (tx) => tx.at('b/1').get(['x']) ?? null);
      await expect(elsewhere).rejects.toThrow('not-colocated');
      await partitions.close();
    });
  });

  test('options that make no sense are told, and nothing is made', async () => {
    await inWorld(async (env, engine) => {
      for (const options of [
        { count: 0 },
        { count: 5_000 },
        { channels: { batchCountMax: 0 } },
        { channels: { x: 1 } },
      ])
        await expect(led(env, engine, options as never)).rejects.toMatchObject({ kind: 'misuse' });
      expect(await engine.list()).toEqual([]);
      const nobody = led(env, engine, { stands: false, openWithinMs: 500 });
      await expect(nobody).rejects.toMatchObject({ kind: 'unavailable' });
      const partitions = await led(env, engine, { count: 2 });
      await partitions.close();
    });
  });

  test('one that follows learns how many there are from whoever leads', async () => {
    await inWorld(async (env, engine) => {
      const leader = await led(env, engine, { count: 2 });
      const follower = await openPartitions(env, { engine, directory: 'other', owner: 'other', stands: false });
      expect(follower.count).toBe(2);
      expect(await follower.transact('a', () => 1)).toEqual({ kind: 'not-leader', leader: 'node' });
      await follower.close();
      await leader.close();
    });
  });
});

describe('channels', () => {
  test('messages take effect once and in order, between partitions and from one to itself', async () => {
    await inWorld(async (env, engine) => {
      const waits = new Waits(env.clock, env.timers);
      const channels = { batchCountMax: 7 };
      const partitions = await led(env, engine, { count: 2, onMessage: noting, waits, channels });
      const [one = '', two = ''] = placesOf(partitions);
      for (let count = 0; count < 20; count++)
        await partitions.transact(`${one}/a`, (tx) => {
          for (const to of [one, two]) tx.send(`${to}/b`, `${count}`);
        });
      const expected = Array.from({ length: 20 }, (_, count) => `${count}`);
      await until(env, async () => (await gotAt(partitions, two)).length >= 20);
      await until(env, async () => (await gotAt(partitions, one)).length >= 20);
      expect([await gotAt(partitions, one), await gotAt(partitions, two)]).toEqual([expected, expected]);
      await env.sleep('1s');
      expect(waits.explain()).toEqual([]);
      const read = await partitions.at(0).read('linearizable');
      if (read.kind !== 'snapshot') expect.unreachable();
      const left = [...read.system('channel', null).range()].map(([key]) => key[0]);
      expect(left).toEqual(['in', 'sent', 'sent', 'taken', 'taken']);
      read[Symbol.dispose]();
      await partitions.close();
    });
  });

  test('a transaction that does not happen sends nothing', async () => {
    await inWorld(async (env, engine) => {
      const partitions = await led(env, engine, { count: 2, onMessage: noting });
      const [one = '', two = ''] = placesOf(partitions);
      await partitions.transact(one, (tx) => {
        tx.send(two, 'never');
        return { kind: 'rejected', code: 'no', details: null } as const;
      });
      await partitions.transact(one, (tx) => tx.send(two, 'sent'));
      await until(env, async () => (await gotAt(partitions, two)).length > 0);
      expect(await gotAt(partitions, two)).toEqual(['sent']);
      await partitions.close();
    });
  });

  test('transactions that wait send too, each message once', async () => {
    await inWorld(async (env, engine) => {
      const partitions = await led(env, engine, { count: 2, onMessage: noting });
      const [one = '', two = ''] = placesOf(partitions);
      const send = (message: string) =>
        partitions.transactAsync(one, async (tx) => {
          await env.sleep('5ms');
          tx.send(two, message);
          await env.sleep('5ms');
        });
      const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map(send));
      const sent = outcomes.filter(({ kind }) => kind === 'committed').length;
      expect(sent).toBeGreaterThan(0);
      await until(env, async () => (await gotAt(partitions, two)).length >= sent);
      await env.sleep('200ms');
      const got = await gotAt(partitions, two);
      expect([got.length, new Set(got).size]).toEqual([sent, sent]);
      await partitions.close();
    });
  });

  test('what fails is tried again, then put aside with its reason; those behind it go on; it can be replayed', async () => {
    await inWorld(async (env, engine) => {
      const waits = new Waits(env.clock, env.timers);
      let attempts = 0;
      let isMended = false;
      const onMessage: MessageHandler = (tx, received) => {
        if (received.message === 'no') return { kind: 'rejected', code: 'not-here', details: { why: 'closed' } };
        if (received.message === 'poison' && !isMended) {
          attempts++;
          tx.set(['got'], ['never seen']);
          throw new Error('cannot digest this');
        }
        return noting(tx, received);
      };
      const partitions = await led(env, engine, { count: 2, onMessage, waits });
      const [one = '', two = ''] = placesOf(partitions);
      await partitions.transact(`${one}/a`, (tx) => {
        for (const message of ['first', 'poison', 'no', 'last']) tx.send(two, message);
      });
      await until(env, async () => (await gotAt(partitions, two)).length === 1);
      await env.sleep('250ms');
      const waiting = waits.explain().map(({ key, waitsFor }) => `${key}: ${waitsFor}`);
      expect(waiting.join('\n')).toMatch(
        /partition-0 → partition-1: number 2 .*attempt 2 of 5 failed: .*cannot digest/,
      );
      expect(waiting.join('\n')).toMatch(/partition-1 ← [0-9a-f]{16}: number 2: attempt 2 of 5 failed/);
      await until(env, async () => (await gotAt(partitions, two)).length === 2);
      expect([await gotAt(partitions, two), attempts]).toEqual([['first', 'last'], 5]);
      const letters = await partitions.deadLetters(1);
      expect(letters).toMatchObject([
        { message: 'poison', to: two, from: one, attempts: 5, why: 'Error: cannot digest this' },
        { message: 'no', attempts: 1, why: 'rejected: not-here {"why":"closed"}' },
      ]);
      const [poison = expect.unreachable(), no = expect.unreachable()] = letters;
      expect(await partitions.deadLetters(1, { after: poison.id })).toMatchObject([{ id: no.id }]);
      await expect(partitions.replay(1, poison.id)).rejects.toThrow('cannot digest');
      isMended = true;
      expect(await partitions.replay(1, poison.id)).toMatchObject({ kind: 'committed' });
      expect(await partitions.replay(1, poison.id)).toMatchObject({ kind: 'rejected', code: 'no-such-letter' });
      expect(await partitions.replay(1, no.id)).toMatchObject({ kind: 'rejected', code: 'not-here' });
      expect(await partitions.drop(1, no.id)).toMatchObject({ kind: 'committed' });
      expect(await gotAt(partitions, two)).toEqual(['first', 'last', 'poison']);
      expect(await partitions.deadLetters(1)).toEqual([]);
      await partitions.close();
      expect(waits.explain()).toEqual([]);
    });
  });

  test('a message to a place that is none is put aside as what fails is, and those behind it go on', async () => {
    await inWorld(async (env, engine) => {
      const partitions = await led(env, engine, { onMessage: noting, channels: { attemptsMax: 2, retryMs: 10 } });
      const tooLong = 'x'.repeat(9_000);
      await partitions.transact('a', (tx) => {
        for (const to of ['b', tooLong, 'b']) tx.send(to, to.slice(0, 1));
      });
      await until(env, async () => (await gotAt(partitions, 'b')).length === 2);
      const why = expect.stringContaining('LockstepError');
      expect(await partitions.deadLetters(0)).toMatchObject([{ to: tooLong, attempts: 2, why }]);
      await partitions.close();
    });
  });

  test('attempts are counted in the state: a change of leader does not begin anew', async () => {
    await inWorld(async (env, engine) => {
      let attempts = 0;
      const onMessage: MessageHandler = () => {
        attempts++;
        throw new Error('never');
      };
      const channels = { attemptsMax: 4, retryMs: 200 };
      const partitions = await led(env, engine, { count: 2, onMessage, channels });
      const [one = '', two = ''] = placesOf(partitions);
      await partitions.transact(one, (tx) => tx.send(two, 'x'));
      await until(env, async () => attempts === 2);
      for (const index of [0, 1]) {
        await partitions.at(index).stepDown();
        await partitions.at(index).leading();
      }
      await until(env, async () => (await partitions.deadLetters(1)).length > 0);
      expect([attempts, (await partitions.deadLetters(1))[0]?.attempts]).toEqual([4, 4]);
      await partitions.close();
    });
  });

  test('while too many are on their way, transactions that send are refused; then they are not', async () => {
    await inWorld(async (env, engine) => {
      let isOpen = false;
      const onMessage: MessageHandler = (tx, received) => {
        if (!isOpen) throw new Error('not yet');
        return noting(tx, received);
      };
      const channels = { outboxCountMax: 3, attemptsMax: 1_000, retryMsMax: 100, messageBytesMax: 100 };
      const partitions = await led(env, engine, { count: 2, onMessage, channels });
      const [one = '', two = ''] = placesOf(partitions);
      const send = (message: string) =>
        partitions.transact(one, (tx) => {
          tx.set(['sent'], message);
          try {
            tx.send(two, message);
          } catch {
            // not even then does the rest happen
          }
        });
      const kinds: string[] = [];
      for (const message of ['1', '2', '3', '4']) kinds.push((await send(message)).kind);
      expect(kinds).toEqual(['committed', 'committed', 'committed', 'refused']);
      expect(await send('5')).toEqual({ kind: 'refused', reason: 'full' });
      expect(await send('x'.repeat(200))).toEqual({ kind: 'refused', reason: 'too-large', bytesMax: 100 });
      expect(await partitions.transact(one, (tx) => tx.get(['sent']))).toMatchObject({ value: '3' });
      isOpen = true;
      await until(env, async () => (await send('6')).kind === 'committed');
      await until(env, async () => (await gotAt(partitions, two)).length === 4);
      expect(await gotAt(partitions, two)).toEqual(['1', '2', '3', '6']);
      await partitions.close();
    });
  });

  test('dead letters without room hold what is behind; a message that writes too much is one', async () => {
    await inWorld(async (env, engine) => {
      const onMessage: MessageHandler = (tx, received) => {
        if (received.message === 'huge') return tx.set(['huge'], 'x'.repeat(30_000));
        return noting(tx, received);
      };
      const channels = { attemptsMax: 2, deadLetterCountMax: 1, retryMs: 10 };
      const small: LogEngine = {
        name: engine.name,
        guarantees: { ...engine.guarantees, payloadBytesMax: 20_000 },
        open: (name, how) => engine.open(name, how),
        list: () => engine.list(),
        remove: (name) => engine.remove(name),
        close: () => engine.close(),
      };
      const partitions = await led(env, small, { count: 2, onMessage, channels });
      const [one = '', two = ''] = placesOf(partitions);
      await partitions.transact(one, (tx) => {
        for (const message of ['a', 'huge', 'b', 'huge', 'c']) tx.send(two, message);
      });
      await until(env, async () => (await gotAt(partitions, two)).length === 2);
      await env.sleep('2s');
      expect(await gotAt(partitions, two)).toEqual(['a', 'b']);
      const [letter = expect.unreachable()] = await partitions.deadLetters(1);
      expect(letter).toMatchObject({ message: 'huge', attempts: 2, why: 'it writes more than the log takes' });
      await partitions.drop(1, letter.id);
      await until(env, async () => (await gotAt(partitions, two)).length === 3);
      expect(await gotAt(partitions, two)).toEqual(['a', 'b', 'c']);
      expect(await partitions.deadLetters(1)).toHaveLength(1);
      await partitions.close();
    });
  });

  test('two partitions whose handlers answer each other do not wait for each other for ever', async () => {
    await inWorld(async (env, engine) => {
      const other = new Map<string, string>();
      const onMessage: MessageHandler = (tx, received) => {
        if (received.message !== 'ask') return noting(tx, received);
        for (let count = 0; count < 2; count++) tx.send(received.from ?? '', 'answer');
      };
      const channels = { outboxCountMax: 3, attemptsMax: 3, retryMs: 10 };
      const partitions = await led(env, engine, { count: 2, onMessage, channels });
      const [one = '', two = ''] = placesOf(partitions);
      other.set(one, two).set(two, one);
      for (let count = 0; count < 30; count++)
        for (const place of [one, two])
          await until(env, async () => {
            const sent = await partitions.transact(place, (tx) => tx.send(other.get(place) ?? '', 'ask'));
            return sent.kind === 'committed';
          });
      const settled = async (): Promise<number> => {
        const got = (await gotAt(partitions, one)).length + (await gotAt(partitions, two)).length;
        const dead = [...(await partitions.deadLetters(0)), ...(await partitions.deadLetters(1))];
        for (const { why } of dead) expect(why).toBe('too much is on its way to where it sends a message');
        return got + 2 * dead.length;
      };
      await until(env, async () => (await settled()) === 120);
      await partitions.close();
    });
  });

  test('partitions led elsewhere are reached by a transport', async () => {
    await inWorld(async (env, engine) => {
      const waits = new Waits(env.clock, env.timers);
      const here = await led(env, engine, { count: 2, waits, onMessage: noting });
      const transport: PartitionsOptions['transport'] = {
        deliver: async (to, batch) => here.receive(to, batch),
      };
      const options = { engine, directory: 'there', owner: 'there', onMessage: noting, transport };
      const there = await openPartitions(env, options);
      const [one = '', two = ''] = placesOf(here);
      await here.at(0).stepDown();
      await there.at(0).leading();
      await there.transact(one, (tx) => tx.send(two, 'hello'));
      await until(env, async () => (await gotAt(here, two)).length === 1);
      await here.transact(two, (tx) => tx.send(one, 'back'));
      await env.sleep('5ms');
      const [wait] = waits.explain();
      expect(wait).toMatchObject({ what: 'channel', key: 'partition-1 → partition-0', heldBy: 'there' });
      expect(wait?.waitsFor).toContain('number 1 to be taken: nobody leads it here');
      await there.close();
      await here.at(0).leading();
      await until(env, async () => (await gotAt(here, one)).length === 1);
      await here.close();
    });
  });
});

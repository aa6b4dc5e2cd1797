/**
 * The journal on a disk that forgives nothing, where every place counts: a crash at each effect, a full disk at each
 * step, the right lost. Its storms are the scenario `wal`.
 */
import { LockstepError } from 'lockstep/env';
import { simulate, type CrashKind } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openJournal } from '../../src/wal/journal.ts';
import { encoder, everything, files, limits, Model, openRight, writer, type Operation } from './wal-storm.ts';

beforeAll(() => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

describe('a crash at every effect', () => {
  const kinds: readonly CrashKind[] = ['process', 'power'];
  test.each(['before', 'after'] as const)('right %s it leaves what was answered for', async (when) => {
    for (const kind of kinds) {
      let strikes = 0;
      for (let effect = 1, passed = false; !passed; effect += 1) {
        await simulate({ seeds: { only: effect }, weather: 'calm', twice: false }, async (world) => {
          await world.run('writer', async () => {});
          world.crashAt('writer', { effect, when, kind });
          const model = new Model();
          await world.run('writer', (env) => writer(world, env, model, { ...everything, rounds: 7 }));
          passed = world.effects('writer') < effect;
          world.crash('writer', { kind: 'power', restart: '10ms' });
          await world.run('judge', (env) => writer(world, env, model, { ...everything, rounds: 1 }), { on: 'writer' });
        });
        strikes++;
      }
      expect(strikes).toBeGreaterThan(40);
    }
  });
});

test('an error of the disk names file and offset, what waits is told, and after space came back it opens again', async () => {
  for (const at of ['write', 'sync'] as const) {
    await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
      const model = new Model();
      let failures = 0;
      await world.run('writer', async (env) => {
        const journal = await openRight(env);
        if (journal === null) throw new Error('it is created');
        world.disk('writer').fill(at);
        const told: LockstepError[] = [];
        const asked = Array.from({ length: 60 }, async (_, index) => {
          await env.sleep(`${index * 2}ms`);
          const texts = [model.text(500)];
          const operation: Operation = { kind: 'append', texts };
          model.ask(operation);
          try {
            const outcome = await journal.append(texts.map((text) => encoder.encode(text)));
            if (outcome.kind === 'appended') model.answered(world, operation);
          } catch (error) {
            if (!(error instanceof LockstepError)) throw error;
            if (error.kind === 'unavailable') model.takeBack(operation);
            told.push(error);
          }
        });
        await Promise.all(asked);
        failures = told.length;
        const [first] = told;
        const isOfGroup = ({ kind }: LockstepError): boolean => kind === 'unknown' || kind === 'unavailable';
        if (
          first === undefined ||
          !isOfGroup(first) ||
          told.some((one) => !isOfGroup(one) && one.kind !== 'disk-full')
        ) {
          world.fail(`other errors are told: ${told.map(({ kind }) => kind).join()}`);
        }
        if (told.some(({ values }) => typeof values['path'] !== 'string' || typeof values['offset'] !== 'number')) {
          world.fail('file and offset are missing');
        }
        await journal.close();
        world.disk('writer').free();
      });
      expect(failures).toBeGreaterThan(0);
      await world.run('judge', (env) => writer(world, env, model, { ...everything, rounds: 3 }), { on: 'writer' });
    });
  }
});

test('whoever lost the right is refused, and so is everything that waits', async () => {
  await simulate({ seeds: 10, weather: 'calm' }, async (world) => {
    await world.run('writer', async (env) => {
      let leads = true;
      const journal = await openJournal(env, { ...files, create: true, limits, confirm: () => leads });
      if (journal === null) throw new Error('it is created');
      const kindOf = async (): Promise<string> => (await journal.append([encoder.encode('x')])).kind;
      if ((await kindOf()) !== 'appended') world.fail('it leads');
      leads = false;
      const both = Promise.all([kindOf(), env.sleep('0ms').then(kindOf)]);
      if ((await both).some((kind) => kind !== 'refused')) world.fail('it was answered for without the right');
      if ((await kindOf()) !== 'refused' || journal.next !== 2) world.fail('it goes on');
      await journal.close();
    });
  });
});

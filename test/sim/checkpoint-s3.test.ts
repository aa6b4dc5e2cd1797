/**
 * Checkpoints in a simulated bucket: three machines reach it over a network that delays, loses and repeats requests and
 * answers. The bucket is the one of the tests over real HTTP, signatures and all.
 */
import type { Env } from 'lockstep/env';
import { simulate, SimulationFailure, type World } from 'lockstep/sim';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openBucket } from '../../src/checkpoint/s3/bucket.ts';
import { placeOf, type S3Place } from '../../src/checkpoint/s3/options.ts';
import type { CheckpointStore } from '../../src/checkpoint/port.ts';
import { checkpointContract } from '../contracts/checkpoint.ts';
import { Bucket } from '../servers/s3-bucket.ts';
import { keeper, Promised, unlessPassing } from './services/checkpoint-keeper.ts';

beforeAll(async () => {
  vi.stubEnv('LOCKSTEP_SEED', undefined);
  await import('@smithy/signature-v4'); // takes the host's time, once
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const partBytes = 1_024;

/** Parts so small that files have several; real services, and so our options, refuse them. */
function placeIn(bucket: Bucket): S3Place {
  const { region, accessKeyId, secretAccessKey } = bucket.options;
  const credentials = { accessKeyId, secretAccessKey };
  const place = placeOf({
    endpoint: 'http://bucket.test',
    region,
    bucket: bucket.options.bucket,
    prefix: 'a-1/',
    credentials,
  });
  return { ...place, config: { partBytes, attemptMsMax: 150, settleMsMax: 600 } };
}

interface Serving {
  /** Share of requests that arrive a second time, up to so many milliseconds later. */
  readonly repeats: number;
}

function serveBucket(world: World, { repeats }: Serving): Bucket {
  let itsTime = 0;
  const bucket: Bucket = new Bucket({ now: () => itsTime, partBytesMin: partBytes, pageCount: 7 });
  world.serve('bucket.test', async (request, env) => {
    itsTime = env.clock.wall();
    if (env.random() < repeats) {
      const again = request.clone();
      void env.sleep(`${env.randomness.below(1_500)}ms`).then(() => bucket.answer(again));
    }
    return bucket.answer(request);
  });
  return bucket;
}

checkpointContract('a bucket in the simulator', async (body) => {
  await simulate({ seeds: 1, weather: 'calm' }, (world) => {
    const bucket = serveBucket(world, { repeats: 0 });
    return world.run('node', (env) =>
      body({
        open: () => openBucket(env, { ...placeIn(bucket), config: { ...placeIn(bucket).config, partBytes: 300_000 } }),
        damage: async (name) => {
          const key = `a-1/files/${name}`;
          const stored = bucket.objects.get(key);
          if (stored === undefined) throw new Error(`there is no object ${key}`);
          const bytes = Buffer.from(stored.bytes);
          bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
          bucket.objects.set(key, { ...stored, bytes });
        },
      }),
    );
  });
});

interface StormOptions {
  readonly seeds: number;
  /** What is wrong with the bucket once everybody has opened it. */
  readonly plant?: (bucket: Bucket) => void;
  readonly twice?: boolean;
}

async function storm({ seeds, plant, twice = false }: StormOptions): Promise<Record<string, number>> {
  const sums = { seeds: 0, moved: 0, conflicts: 0, doubts: 0 };
  const { seedCount } = await simulate(
    { seeds, twice, weather: plant === undefined ? 'stormy' : 'calm' },
    async (world) => {
      const promised = new Promised(world);
      const bucket = serveBucket(world, { repeats: 0.05 });
      const open = (env: Env): Promise<CheckpointStore> => openBucket(env, placeIn(bucket));
      const done = ['ann', 'bob', 'cid'].map((by) => world.run(by, (env) => keeper(env, by, open, promised, 6)));
      await world.sleep('50ms');
      plant?.(bucket);
      await world.sleep('20s');
      world.heal();
      await Promise.all(done);
      Object.assign(bucket.options, { heedsConditions: true }); // opening would refuse it
      await world.run('judge', async (env) => {
        const store = await open(env);
        await promised.judge(store);
      });
      sums.moved += promised.movedCount;
      sums.conflicts += promised.conflictCount;
      sums.doubts += promised.doubtCount;
    },
  );
  return { ...sums, seeds: seedCount };
}

test('three machines share a bucket in every weather: nothing acknowledged is lost, the pointer has one history', async () => {
  const { seeds, moved = 0, conflicts = 0, doubts = 0 } = await storm({ seeds: 25 });
  expect(seeds).toBe(25);
  expect(moved).toBeGreaterThan(100);
  expect(conflicts).toBeGreaterThan(15);
  expect(doubts).toBeGreaterThan(0);
});

test('a seed is one run, signatures and all', async () => {
  expect(await storm({ seeds: 4, twice: true })).toMatchObject({ seeds: 4 });
});

test('a move whose answer is lost, and which others followed, is still known to be moved', async () => {
  await simulate({ seeds: 20, weather: 'calm' }, async (world) => {
    const bucket = serveBucket(world, { repeats: 0 });
    await world.run('node', async (env) => {
      const [store, other] = [await openBucket(env, placeIn(bucket)), await openBucket(env, placeIn(bucket))];
      const promised = new Promised(world);
      await keeper(env, 'ann', async () => store, promised, 1);
      const was = await store.pointer();
      if (was === null) throw new Error('the pointer was moved');
      bucket.fault = ({ method }) => (method === 'PUT' ? { when: 'after', status: 500, code: 'InternalError' } : null);
      const moving = store.point(was.to, was);
      await env.sleep('100ms');
      bucket.fault = () => null;
      for (let round = 0; round < 3; round++) {
        const now = await unlessPassing(promised, () => other.pointer());
        await other.point(was.to, now);
      }
      const outcome = await moving;
      if (outcome.kind !== 'moved' || outcome.pointer.number !== 2) world.fail('it was moved, and says otherwise');
    });
  });
});

describe('planted bugs are found', () => {
  test('a bucket that stops to heed conditions', async () => {
    const plant = (bucket: Bucket): void => void Object.assign(bucket.options, { heedsConditions: false });
    const found = await storm({ seeds: 20, plant }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(found).toBeInstanceOf(SimulationFailure);
    expect(found).toMatchObject({ verdict: 'safety' });
  });

  test('a bucket that forgets what it acknowledged', async () => {
    const plant = (bucket: Bucket): void => bucket.objects.clear();
    await expect(storm({ seeds: 20, plant })).rejects.toMatchObject({ verdict: 'safety' });
  });
});

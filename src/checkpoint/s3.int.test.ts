/**
 * The store in a bucket, over real HTTP against `test/servers/s3.ts`: the contract, what a bucket refuses, what gets
 * lost, files of several parts.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { checkpointContract, keep, namesIn, readAll, someBytes } from '../../test/contracts/checkpoint.ts';
import type { BucketFault, BucketOptions } from '../../test/servers/s3-bucket.ts';
import { startS3, type S3Server } from '../../test/servers/s3.ts';
import { isLockstepError, type LockstepError } from '../kernel/errors.ts';
import { hostEnv } from '../os/env.ts';
import { contentOf } from './content.ts';
import { contentName } from './file-name.ts';
import type { CheckpointStore } from './port.ts';
import { s3Checkpoints, type S3Options } from './s3.ts';
import { partBytesMin } from './s3/options.ts';

const servers: S3Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(changes: Partial<BucketOptions> = {}): Promise<S3Server> {
  const server = await startS3(changes);
  servers.push(server);
  return server;
}

const open = ({ endpoint, bucket }: S3Server, changes: Partial<S3Options> = {}): Promise<CheckpointStore> =>
  s3Checkpoints(hostEnv, {
    endpoint,
    region: bucket.options.region,
    bucket: bucket.options.bucket,
    prefix: 'lockstep/a-1/',
    credentials: bucket.options,
    ...changes,
    config: { attemptMsMax: 10_000, settleMsMax: 20_000, partBytes: partBytesMin, ...changes.config },
  });

/** For what never gets an answer. */
const soon = { config: { attemptMsMax: 500, settleMsMax: 1_000 } };

async function failureOf(call: Promise<unknown>): Promise<LockstepError> {
  const failure = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (isLockstepError(failure)) return failure;
  throw failure ?? new Error('it should have failed');
}

checkpointContract('a bucket', async (body) => {
  const server = await start({ pageCount: 7 });
  await body({
    open: () => open(server),
    damage: async (name) => {
      const key = `lockstep/a-1/files/${name}`;
      const stored = server.bucket.objects.get(key);
      if (stored === undefined) throw new Error(`there is no object ${key}`);
      const bytes = Buffer.from(stored.bytes);
      bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
      server.bucket.objects.set(key, { ...stored, bytes });
    },
  });
});

describe('a file of several parts', () => {
  const bytes = someBytes('large', partBytesMin + 12_345);
  const name = contentName(bytes, 'sst');

  test('is uploaded in parts, read in ranges, and leaves no upload behind', async () => {
    const server = await start();
    const store = await open(server);
    expect(await store.put(name, contentOf(bytes))).toBe('stored');
    expect(Buffer.compare((await readAll(store, name)) ?? new Uint8Array(0), bytes)).toBe(0);
    const parts = server.bucket.asked.filter((one) => one.includes('partNumber='));
    expect([parts.length, server.bucket.uploads.size]).toEqual([2, 0]);
    expect(await store.put(name, contentOf(bytes))).toBe('already');
  });

  test('that is not what its name says is aborted', async () => {
    const server = await start();
    const store = await open(server);
    const wrong = contentName(someBytes('another'));
    expect((await failureOf(store.put(wrong, contentOf(bytes)))).kind).toBe('corrupt');
    expect([server.bucket.uploads.size, await namesIn(store)]).toEqual([0, []]);
  });

  test.each(['uploads', 'partNumber=2', 'uploadId=upload-1'])('whose answer to %s is lost is stored', async (which) => {
    const server = await start();
    const store = await open(server);
    once(server, (url, method) => method !== 'DELETE' && url.includes(which), {
      when: 'after',
      status: 0,
      code: 'lost',
    });
    expect(await store.put(name, contentOf(bytes))).toBe('stored');
    expect(await readAll(store, name)).toHaveLength(bytes.length);
  });

  test('whose completion fails after 200 was said is completed again', async () => {
    const server = await start();
    const store = await open(server);
    const completes = (url: string, method: string): boolean => method === 'POST' && url.includes('uploadId=');
    once(server, completes, { when: 'before', status: 200, code: 'InternalError' });
    expect(await store.put(name, contentOf(bytes))).toBe('stored');
    expect([server.bucket.uploads.size, await namesIn(store)]).toEqual([0, [name]]);
  });

  test('that somebody else stored meanwhile is already there', async () => {
    const server = await start();
    const [store, other] = [await open(server), await open(server)];
    async function* slow(): AsyncGenerator<Uint8Array, void> {
      yield* contentOf(bytes);
      await other.put(name, contentOf(bytes));
    }
    expect(await store.put(name, slow())).toBe('already');
    expect(server.bucket.uploads.size).toBe(0);
  });
});

/** The first request that fits goes wrong. */
function once(server: S3Server, fits: (url: string, method: string) => boolean, fault: BucketFault): void {
  server.bucket.fault = ({ url, method }) => {
    if (!fits(url, method)) return null;
    server.bucket.fault = () => null;
    return fault;
  };
}

describe('what gets lost', () => {
  const lost: readonly BucketFault[] = [
    { when: 'after', status: 0, code: 'lost' },
    { when: 'after', status: 500, code: 'InternalError' },
    { when: 'before', status: 503, code: 'SlowDown' },
    { when: 'before', status: 409, code: 'ConditionalRequestConflict' },
    { when: 'before', status: 0, code: 'lost' },
  ];

  test.each(lost)('a put with $status $when it took effect is stored', async (fault) => {
    const server = await start();
    const store = await open(server);
    once(server, (_, method) => method === 'PUT', fault);
    const name = contentName(someBytes('a'));
    expect(await store.put(name, contentOf(someBytes('a')))).toBe('stored');
  });

  test.each(lost)('a move with $status $when it took effect is moved, once', async (fault) => {
    const server = await start();
    const store = await open(server);
    const name = await keep(store, 'a');
    once(server, (_, method) => method === 'PUT', fault);
    const outcome = await store.point(name, null);
    expect(outcome).toMatchObject({ kind: 'moved', pointer: { number: 1 } });
    expect(await store.pointer()).toEqual(outcome.kind === 'moved' && outcome.pointer);
  });

  test('a move whose answer stays lost is unknown, and the pointer tells', async () => {
    const server = await start();
    const store = await open(server, soon);
    const name = await keep(store, 'a');
    server.bucket.fault = ({ method }) => (method === 'PUT' ? { when: 'before', status: 0, code: 'lost' } : null);
    expect(await failureOf(store.point(name, null))).toMatchObject({ kind: 'unknown', happened: 'unknown' });
    expect(await store.pointer()).toBeNull();
  });

  test('a bucket that only asks to slow down is overloaded', async () => {
    const server = await start();
    const store = await open(server, soon);
    server.bucket.fault = () => ({ when: 'before', status: 503, code: 'SlowDown' });
    expect((await failureOf(store.pointer())).kind).toBe('overloaded');
  });
});

describe('what a bucket refuses is said with what to check', () => {
  const cases: readonly [string, Partial<S3Options>, Partial<BucketOptions>, string, string][] = [
    [
      'a wrong secret',
      { credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' } },
      {},
      'rejected',
      'SignatureDoesNotMatch',
    ],
    [
      'a wrong key id',
      { credentials: { accessKeyId: 'x', secretAccessKey: 'x' } },
      {},
      'rejected',
      'InvalidAccessKeyId',
    ],
    ['a wrong region', { region: 'us-east-1' }, {}, 'invalid', 'AuthorizationHeaderMalformed'],
    ['no such bucket', { bucket: 'nowhere' }, {}, 'invalid', 'NoSuchBucket'],
    ['a clock that is off', {}, { now: () => Date.now() + 3_600_000 }, 'rejected', 'RequestTimeTooSkewed'],
  ];

  test.each(cases)('%s', async (_, changes, options, kind, code) => {
    const failure = await failureOf(open(await start(options), changes));
    expect(failure).toMatchObject({ kind, values: { code } });
    expect(failure.message).toContain('\n  ');
  });

  test('a service that ignores conditions is refused when it is opened', async () => {
    const server = await start({ heedsConditions: false });
    expect((await failureOf(open(server))).kind).toBe('invalid');
    expect(server.bucket.objects.size).toBe(0);
  });

  test('nobody there is unknown, within its time', async () => {
    const server = await start();
    const { endpoint } = server;
    await server.stop();
    servers.length = 0;
    const failure = await failureOf(open({ ...server, endpoint }, soon));
    expect(failure.kind).toBe('unknown');
  });

  test('options that are none are misuse', async () => {
    const server = await start();
    const wrong: readonly Partial<S3Options>[] = [
      { endpoint: 'bucket.example' },
      { endpoint: 'http://example.com/path' },
      { bucket: 'No' },
      { prefix: 'no-slash' },
      { region: '' },
      { config: { partBytes: 1_000 } },
      { config: { attemptMsMax: 5_000, settleMsMax: 1_000 } },
    ];
    for (const changes of wrong) expect((await failureOf(open(server, changes))).kind).toBe('misuse');
  });
});

/** What `nats` refuses: servers without JetStream, streams that others made or changed, options that are none. */
import { spawnSync } from 'node:child_process';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf } from '../../test/servers/needs.ts';
import { startNats, type NatsServers } from '../../test/servers/nats.ts';
import { hostEnv } from '../os/env.ts';
import { position } from './coordinates.ts';
import { nats } from './nats.ts';
import type { LogEngine } from './port.ts';

const program = programOf('nats-server') ?? '';
const config = { silenceMs: 60, pauseMsMax: 15, settleMsMax: 2_000, attemptMsMax: 1_000 };

test('options that are none are misuse, before anything is reached', async () => {
  expect(() => nats({ prefix: 'a.b' })).toThrow('a prefix is 1 to 32 letters');
  expect(() => nats({ replicas: 2 as 1 })).toThrow('a stream has 1, 3 or 5 replicas');
  expect(() => nats({ config: { silenceMs: -1 } })).toThrow('a number above 0');
});

test('where the client is not installed, opening names the command that installs it', () => {
  const hooks = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => {
      if (!name.startsWith('@nats-io/')) return next(name, context);
      throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' });
    } });`;
  const program = `
    import { hostEnv } from ${JSON.stringify(import.meta.resolve('../os/env.ts'))};
    import { nats } from ${JSON.stringify(import.meta.resolve('./nats.ts'))};
    await nats().open(hostEnv).catch(({ kind, message }) => console.log(kind, message));`;
  const url = `data:text/javascript,${encodeURIComponent(hooks)}`;
  const args = ['--conditions=lockstep-source', '--import', url, '--input-type=module', '-e', program];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stdout).toMatch(/^misuse logs in NATS need the package.*\n {2}npm install @nats-io\/transport-node/);
});

test('servers that are not there are unavailable', async () => {
  const source = nats({ servers: '127.0.0.1:1', config });
  await expect(source.open(hostEnv)).rejects.toMatchObject({ kind: 'unavailable', happened: 'no' });
});

describe.skipIf(program === '')('a server', () => {
  test('without JetStream is refused, and how to enable it is told', async () => {
    await using servers = await startNats(program, { jetStream: false });
    const source = nats({ servers: servers.servers, config });
    await expect(source.open(hostEnv)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('--jetstream'),
    });
  });

  test('with a smaller largest message has smaller records', async () => {
    await using servers = await startNats(program, { maxPayload: 4_096 });
    const engine = await nats({ servers: servers.servers, config }).open(hostEnv);
    expect(engine.guarantees.payloadBytesMax).toBe(4_096 - 64 - 69);
    expect(engine.guarantees).toMatchObject({ survives: 'process', failoverKeepsAcknowledged: null });
    const log = await engine.open('log', { create: true });
    const writer = await log?.acquire({ owner: 'ann' });
    const payload = new Uint8Array(engine.guarantees.payloadBytesMax);
    expect(await writer?.append({ payload, firstRevision: 1, revisionCount: 1 })).toMatchObject({ kind: 'appended' });
    await engine.close();
  });
});

let servers: NatsServers | null = null;
let manager: JetStreamManager | null = null;
let engine: LogEngine | null = null;

beforeAll(async () => {
  if (program === '') return;
  servers = await startNats(program);
  const connection = await connect({ servers: [...servers.servers] });
  manager = await jetstreamManager(connection);
  engine = await nats({ connection, config }).open(hostEnv);
});
afterAll(async () => {
  await engine?.close();
  await servers?.stop();
});

const made = async (name: string) => (await engine?.open(name, { create: true })) ?? null;
const changed = (name: string, changes: Partial<StreamConfig>) => manager?.streams.update(`lockstep=${name}`, changes);
const failing = (name: string) => expect(made(name)).rejects;

describe.skipIf(program === '')('a stream', () => {
  test('that somebody changed is refused by the names of the settings, without a change', async () => {
    await (await made('changed'))?.close();
    await changed('changed', { max_age: 3_600e9, max_msgs: 10, discard: 'old' });
    await failing('changed').toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(/discard is "old".*\n.*max_msgs is 10.*\n.*max_age is 3600000000000/),
    });
  });

  test('in memory, or with another subject, is refused', async () => {
    const memory = { name: 'lockstep=memory', subjects: ['m'], storage: 'memory' as StreamConfig['storage'] };
    await manager?.streams.add(memory);
    await failing('memory').toMatchObject({ kind: 'invalid', message: expect.stringContaining('storage is "memory"') });
    await (await made('renamed'))?.close();
    await changed('renamed', { subjects: ['another'] });
    await failing('renamed').toMatchObject({ kind: 'invalid', message: expect.stringContaining('subject names none') });
  });

  test('with fewer replicas than the guarantees rest on is refused', async () => {
    await (await made('alone'))?.close();
    const three = await nats({ servers: servers?.servers ?? [], replicas: 3, config }).open(hostEnv);
    await expect(three.open('alone', { create: true })).rejects.toMatchObject({
      message: expect.stringContaining('num_replicas is 1, must be at least the 3'),
    });
    await expect(three.open('new', { create: true })).rejects.toMatchObject({ kind: 'invalid' });
    await three.close();
  });
});

describe.skipIf(program === '')('a stream of ours', () => {
  test('that was purged by hand keeps its numbering, and its readers are told', async () => {
    const log = await made('purged');
    const writer = await log?.acquire({ owner: 'ann' });
    await manager?.streams.purge('lockstep=purged');
    expect(await log?.tail()).toBe(1);
    for await (const batch of log?.read(position(0)) ?? []) {
      expect(batch).toEqual({ kind: 'trimmed', earliest: 2 });
      break;
    }
    const entry = { payload: new Uint8Array(1), firstRevision: 1, revisionCount: 1 };
    expect(await writer?.append(entry)).toEqual({ kind: 'appended', position: 2 });
  });

  test('whose log has dots in its name is found, listed and removed by that name', async () => {
    const log = await made('a.b.c');
    expect(await engine?.list()).toContain('a.b.c');
    expect((await engine?.open('a.b.c', { create: false }))?.id).toBe(log?.id);
    expect(await engine?.remove('a.b.c')).toBe('removed');
    expect(await engine?.list()).not.toContain('a.b.c');
  });

  test('that takes what somebody else publishes: its reader tells, and follows no further', async () => {
    const log = await made('intruder');
    await (await log?.acquire({ owner: 'ann' }))?.release();
    const connection = await connect({ servers: [...(servers?.servers ?? [])] });
    connection.publish(`lockstep.log.${log?.id}`, 'not one of ours');
    await connection.drain();
    const read = async (): Promise<void> => {
      for await (const { kind } of log?.read(position(0)) ?? []) if (kind !== 'records') throw new Error(kind);
    };
    await expect(read()).rejects.toMatchObject({ kind: 'corrupt' });
  });
});

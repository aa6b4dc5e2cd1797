/** What the client's errors and JetStream's refusals mean: certainly not, or nobody knows. */
import { errors } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { isLockstepError } from '../../kernel/errors.ts';
import { JetStreamConnection, refused, type NatsConnection, type NatsHeaders } from './connection.ts';
import { sequenceOf } from './cursor.ts';

const headers = (): NatsHeaders => {
  const values = new Map<string, string>();
  return { get: (name) => values.get(name) ?? '', set: (name, value) => void values.set(name, value) };
};

/** A connection that answers every request with this. */
function answering(answer: () => Uint8Array | Error, status: readonly { readonly type: string }[] = []) {
  const sent: (string | undefined)[] = [];
  const followed = Promise.withResolvers<void>();
  const connection: NatsConnection = {
    publish: () => {},
    request: async (_subject, _payload, options) => {
      sent.push(options?.headers?.get('Nats-Expected-Last-Sequence'));
      const data = answer();
      if (data instanceof Error) throw data;
      return { subject: 'inbox', data };
    },
    subscribe: () => ({ unsubscribe: () => {} }),
    async *status() {
      yield* status;
      followed.resolve(); // it asks for more, so it has acted on these
    },
    isClosed: () => false,
    close: async () => {},
  };
  const client = { connect: async () => connection, headers, createInbox: () => 'inbox' };
  return {
    sent,
    followed: followed.promise,
    jetStream: new JetStreamConnection(connection, client, { domain: null, inboxPrefix: null }),
  };
}

async function append(answer: Error): Promise<unknown> {
  const { jetStream } = answering(() => answer);
  try {
    return await jetStream.append('subject', 7, new Uint8Array(1));
  } catch (error) {
    return isLockstepError(error) ? error.kind : error;
  }
}

test('an append names the last sequence of the whole stream', async () => {
  const { jetStream, sent } = answering(() => new Uint8Array(2));
  await jetStream.append('subject', 7, new Uint8Array(1));
  expect(sent).toEqual(['7']);
});

test('a subject that nobody takes was not stored', async () => {
  expect(await append(new errors.NoRespondersError('subject'))).toBeNull();
  const wrapped = new errors.RequestError('no responders', { cause: new errors.NoRespondersError('subject') });
  expect(await append(wrapped)).toBeNull();
});

test('after a timeout or a lost connection nobody knows; a closed one sent nothing', async () => {
  expect(await append(new errors.TimeoutError())).toBe('unknown');
  expect(await append(new errors.RequestError('connection disconnected'))).toBe('unknown');
  expect(await append(new Error('anything else'))).toBe('unknown');
  expect(await append(new errors.ClosedConnectionError())).toBe('unavailable');
  expect(await append(new errors.DrainingConnectionError())).toBe('unavailable');
});

test('while there is no connection nothing is sent, so that nothing is sent later', async () => {
  const { jetStream, sent, followed } = answering(() => new Uint8Array(2), [{ type: 'disconnect' }]);
  await followed;
  await expect(jetStream.append('subject', 7, new Uint8Array(1))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(sent).toEqual([]);
});

test('a call without effect that gets no answer is unavailable, one with an effect is unknown', async () => {
  const { jetStream } = answering(() => new errors.TimeoutError());
  await expect(jetStream.call('INFO', null, 'unavailable')).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(jetStream.call('STREAM.DELETE.x', null, 'unknown')).rejects.toMatchObject({ kind: 'unknown' });
});

test.each([
  [{ code: 503, err_code: 10_008 }, 'unavailable'], // no leader
  [{ code: 500, err_code: 10_009 }, 'unavailable'], // not this server's
  [{ code: 503, err_code: 10_023 }, 'overloaded'], // resources
  [{ code: 503, err_code: 10_077 }, 'unknown'], // one replica failed to store it
  [{ code: 503, err_code: 10_063 }, 'unknown'], // replicas count differently
  [{ code: 400, err_code: 10_054 }, 'invalid'], // too large
] as const)('the refusal %j is %s', (refusal, kind) => {
  expect(refused(refusal, 'an append').kind).toBe(kind);
});

test("a message's place is read from the subject of its acknowledgement, old form and new", () => {
  expect(sequenceOf('$JS.ACK.stream.consumer.1.42.7.1700000000000000000.0')).toBe(42);
  expect(sequenceOf('$JS.ACK._.hash.stream.consumer.1.42.7.1700000000000000000.0')).toBe(42);
  expect(sequenceOf('$JS.ACK._.hash.stream.consumer.1.42.7.1700000000000000000.0.token')).toBe(42);
  expect(sequenceOf('')).toBeNaN();
});

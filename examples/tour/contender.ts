/**
 * One of several processes that stand for serving one counter: it waits until the logs are its own, which they are once
 * their holder has ended, makes its state of what the log says, leads, and tells where it listens. Each increment has an
 * id: sent again, it is not done again.
 */
import { join } from 'node:path';
import { openFileLogs, openHostEnv } from 'lockstep';
import type { FrameStream } from 'lockstep/env';
import { openPartition, type Partition } from 'lockstep/partition';

/** `id` null: a read. */
export interface Ask {
  readonly id: string | null;
}
/** `kind` as of `transact`; what is not done is sent again, to whoever leads then. */
export interface Answer {
  readonly kind: string;
  readonly count: number | null;
}

async function answer(partition: Partition, { id }: Ask): Promise<Answer> {
  if (id === null) {
    const snapshot = await partition.read('linearizable');
    if (snapshot.kind !== 'snapshot') return { kind: snapshot.kind, count: null };
    using seen = snapshot;
    return { kind: 'read', count: Number(seen.at('counter').get(['count'])) };
  }
  const outcome = await partition.transact(
    'counter',
    (tx) => {
      const count = Number(tx.get(['count']) ?? 0) + 1;
      tx.set(['count'], count);
      return count;
    },
    { commandId: id },
  );
  return { kind: outcome.kind, count: 'value' in outcome ? outcome.value : null };
}

async function serve(partition: Partition, stream: FrameStream): Promise<void> {
  for (;;) {
    const frames = await stream.receive();
    if (frames === null) return stream.close();
    for (const frame of frames) {
      const said = await answer(partition, JSON.parse(new TextDecoder().decode(frame)) as Ask);
      stream.send(new TextEncoder().encode(JSON.stringify(said)));
    }
  }
}

if (import.meta.main) {
  const [name = '', data = ''] = process.argv.slice(2);
  const logs = await openFileLogs(join(data, 'logs'), { withinMs: 60_000 });
  const log = await logs.open('counter', { create: true });
  if (log === null) throw new Error('with create there is a log');
  const env = await openHostEnv({ data: join(data, name) });
  const { payloadBytesMax } = logs.guarantees;
  // The others make their states of the whole log when their turn comes, so it is not trimmed.
  const partition = await openPartition(env, { log, payloadBytesMax, directory: 'state', owner: name, trims: false });
  await partition.leading();
  const { address } = await env.network.listen('127.0.0.1:0', (stream) => {
    serve(partition, stream).catch(() => stream.close()); // whoever asked asks again
  });
  process.stdout.write(`${address}\n`);
}

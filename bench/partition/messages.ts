/**
 * Messages from one partition of this process to another, each partition on a log of its own: a caller sends one in a
 * transaction and sends the next when that one was handled, in a transaction of the other partition. A run is over when
 * all that was handled is durable.
 */
import { fileEngine } from '../../src/log/file.ts';
import { openHostEnv } from '../../src/os/env.ts';
import type { MessageHandler } from '../../src/partition/channel/message.ts';
import { openPartitions, type Partitions } from '../../src/partition/partitions.ts';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { type Load, runLoad } from '../log/load.ts';

export const messagesName = 'ours';

export function messaging(load: Load): Side {
  const prepare = async (): Promise<Prepared> => {
    const folder = openFolder();
    const host = await openHostEnv({ data: folder.path });
    const engine = fileEngine(host, 'logs');
    const handled = new Map<number, () => void>();
    const onMessage: MessageHandler = (tx, { message }) => {
      const { index, body } = message as { readonly index: number; readonly body: Uint8Array };
      tx.set(['body', index % 1_024], body);
      tx.set(['count'], Number(tx.get(['count']) ?? 0) + 1);
      handled.get(index)?.();
    };
    const partitions = await openPartitions(host, { engine, directory: 'state', owner: 'bench', count: 2, onMessage });
    await partitions.leading();
    const [from, to] = [placeIn(partitions, 0), placeIn(partitions, 1)];
    let runs = 0;
    const run = async (): Promise<WorkDone> => {
      let next = runs++ * load.entries;
      const done = await runLoad(load, async (body) => {
        const index = next++;
        const taken = new Promise<void>((resolve) => handled.set(index, resolve));
        const outcome = await partitions.transact(from, (tx) => tx.send(to, { index, body }));
        if (outcome.kind !== 'committed') throw new Error(`a message of a benchmark is '${outcome.kind}'`);
        await taken;
        handled.delete(index);
      });
      const counted = await partitions.transact(to, (tx) => Number(tx.get(['count'])));
      const count = counted.kind === 'committed' ? counted.value : null;
      const sent = runs * load.entries;
      if (count !== sent) throw new Error(`of ${sent} messages ${count ?? 'nobody knows how many'} were handled`);
      return done;
    };
    const close = async (): Promise<void> => {
      await partitions.close();
      await engine.close();
      await host.close();
      folder.remove();
    };
    return { run, close };
  };
  return { name: messagesName, durability: 'machine', prepare };
}

function placeIn(partitions: Partitions, index: number): string {
  for (let at = 0; ; at++) if (partitions.indexOf(`place-${at}`) === index) return `place-${at}`;
}

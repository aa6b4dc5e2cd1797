/** What a partition's log takes by itself: appends of as many bytes as one transaction makes, one at a time. */
import { ByteWriter } from '../../src/bytes/byte-writer.ts';
import { ValueEncoder } from '../../src/bytes/value-encode.ts';
import { hybridOf } from '../../src/clock/timestamp.ts';
import { wallTime } from '../../src/kernel/time.ts';
import { chainBeforeFirst } from '../../src/log/chain.ts';
import { openHostEnv } from '../../src/os/env.ts';
import { GroupPayload } from '../../src/partition/group-payload.ts';
import { KeySpace } from '../../src/partition/key-space.ts';
import { encodeMark } from '../../src/partition/log-mark.ts';
import { slotOf } from '../../src/ring/slot.ts';
import { WriteBatch } from '../../src/storage/write-batch.ts';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { runLoad } from '../log/load.ts';
import { onFile } from './grounds.ts';
import { placeName } from './ours.ts';
import { valueBytes } from './workload.ts';

export const bareName = 'the file log, as many bytes';

/** `payloadBytes`: of one append; default: as a transaction of the partition's rows. */
export function bareAppends(appends: number, payloadBytes: number = payloadBytesOfOne()): Side {
  const prepare = async (): Promise<Prepared> => {
    const folder = openFolder();
    const host = await openHostEnv({ data: folder.path });
    const { log, close } = await onFile.open(host);
    const writer = await log.acquire({ owner: 'bench' });
    const load = { callers: 1, entries: appends, entryBytes: payloadBytes };
    let revision = 0;
    const run = (): Promise<WorkDone> =>
      runLoad(load, async (payload) => {
        const answer = await writer.append({ payload, firstRevision: ++revision, revisionCount: 1 });
        if (answer.kind === 'fenced') throw new Error('somebody else leads the log of a benchmark');
      });
    return {
      run,
      close: async () => {
        await writer.release();
        await close();
        await host.close();
        folder.remove();
      },
    };
  };
  return { name: bareName, durability: onFile.durability, prepare };
}

/** As `transact` of `ours.ts` makes it, with the mark that each group has. */
function payloadBytesOfOne(): number {
  const place = placeName(1_000);
  const space = KeySpace.ofPlace(slotOf(place), place);
  const encoder = new ValueEncoder();
  const writes = new WriteBatch();
  for (const key of [1, 2, 3]) writes.put(space.key(['entry', key]), encoder.encode(new Uint8Array(valueBytes)));
  const time = hybridOf({ wall: wallTime(Date.now()), counter: 0 });
  if (time === null) throw new Error('this clock shows a time that cannot be');
  const mark = encoder.encode(encodeMark({ position: 1_000, chain: chainBeforeFirst, time }));
  writes.put(KeySpace.ofSystem('log').key([]), mark);
  const payload = new GroupPayload(new ByteWriter(1_024), 1_000);
  payload.add(time, writes.view());
  return payload.byteLength;
}

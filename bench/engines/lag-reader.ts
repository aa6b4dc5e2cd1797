/** The process that `lag.ts` starts: follows a log and notes how old each record is when it comes. Told a position, it answers with what it noted once it is there. */
import { position as positionOf } from '../../src/log/coordinates.ts';
import { isPassing } from '../../src/log/within.ts';
import { microseconds, stampAt } from './lag.ts';
import { openLog, type Where } from './ours.ts';

export interface ReaderOrder {
  readonly where: Where;
  readonly from: number;
}

export interface ReaderAnswer {
  readonly lagsMs: readonly number[];
}

const order = JSON.parse(process.argv[2] ?? '') as ReaderOrder;
let [at, lagsMs, asked] = [positionOf(order.from), [] as number[], null as number | null];

function answer(): void {
  if (asked === null || at < asked) return;
  process.send?.({ lagsMs } satisfies ReaderAnswer);
  [lagsMs, asked] = [[], null];
}

async function follow(): Promise<never> {
  const { log } = await openLog(order.where);
  process.send?.({ lagsMs } satisfies ReaderAnswer); // it is there
  for (;;) {
    try {
      for await (const batch of log.read(at)) {
        if (batch.kind !== 'records') throw new Error(`the log of a benchmark is '${batch.kind}'`);
        const now = microseconds();
        for (const { payload, position } of batch.records) {
          at = position;
          const { buffer, byteOffset, length } = payload;
          if (length > 400) lagsMs.push((now - new DataView(buffer, byteOffset, length).getFloat64(stampAt)) / 1_000);
        }
        answer();
      }
    } catch (error) {
      if (!isPassing(error)) throw error; // otherwise it reads on, and the wait shows in the lag
    }
  }
}

process.on('message', (position: number) => {
  asked = position;
  answer();
});
process.once('disconnect', () => process.exit(0));
await follow();

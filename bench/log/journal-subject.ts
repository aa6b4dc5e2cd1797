/** The journal below the file log: every caller makes an append of its own entry, and the journal gathers them. */
import { ByteReader } from '../../src/bytes/byte-reader.ts';
import { openHostEnv } from '../../src/os/env.ts';
import { openJournal } from '../../src/wal/journal.ts';
import type { Keeper, Reopened } from './sides.ts';

const readBytes = 1_024 * 1_024;
const name = 'bench';

export const journal: Reopened = { name: 'journal', durability: 'machine', open: openIn, reopen: openIn };

async function openIn(folder: string): Promise<Keeper> {
  const host = await openHostEnv({ data: folder });
  const opened = await openJournal(host, { directory: name, prefix: name, create: true });
  if (opened === null) throw new Error('a journal that may be made is there');
  return {
    append: async (entry) => {
      const outcome = await opened.append([entry]);
      if (outcome.kind !== 'appended') throw new Error(`the journal of a benchmark answers '${outcome.kind}'`);
    },
    readAll: async () => {
      const reader = opened.reader(opened.first);
      let [entries, sum] = [0, 0];
      for (;;) {
        const batch = await reader.next(readBytes);
        if (batch.kind !== 'entries') return { entries, sum };
        entries += batch.entries.length;
        for (const entry of batch.entries) sum += new ByteReader(entry).readUint32();
      }
    },
    trim: () => opened.trimBefore(opened.next),
    end: async () => opened.next,
    close: async () => {
      await opened.close();
      await host.close();
    },
  };
}

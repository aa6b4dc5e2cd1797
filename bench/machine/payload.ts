/** How much one command writes to the log, so that others can be given as much to write. */
import { beforeFirst } from '../../src/log/coordinates.ts';
import { memoryEngine } from '../../src/log/memory.ts';
import type { LogEngine } from '../../src/log/port.ts';
import { median } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { bank, fillAccounts } from './bank.ts';
import { giveTo, openAt } from './ours.ts';

const commands = 64;

/** In bytes: its events, its state, its row, its answer, and the mark of a group of one. */
export async function payloadBytesOfCommand(): Promise<number> {
  const { path, remove } = openFolder();
  const engines: LogEngine[] = [];
  const node = await openAt(path, bank, {}, (host) => {
    const engine = memoryEngine(host);
    engines.push(engine);
    return engine;
  });
  try {
    await fillAccounts(commands, 1, giveTo(node), 1);
    const [engine] = engines;
    const log = await engine?.open(`${bank.name}-0`, { create: false });
    if (engine === undefined || log === undefined || log === null) throw new Error('a node that leads has a log');
    const sizes: number[] = [];
    const last = await log.tail();
    for await (const batch of log.read(beforeFirst)) {
      if (batch.kind !== 'records') throw new Error(`the log of a benchmark is '${batch.kind}'`);
      sizes.push(...batch.records.map(({ payload }) => payload.byteLength));
      if (batch.records.at(-1)?.position === last) break;
    }
    await log.close();
    return median(sizes.slice(-commands / 2));
  } finally {
    await node.close();
    remove();
  }
}

/**
 * How long a node takes until it leads again and has answered a read of the newest state, after a clean close and after
 * kill -9 under load. The program is also the process that is started: `node bench/machine/restart.ts load DATA EVENTS`,
 * `… write DATA EVENTS`, `… open DATA`.
 */
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { said, start } from '../partition/child.ts';
import { restartFacts } from '../partition/measurements.ts';
import { account, accountName, bank, fillAccounts } from './bank.ts';
import { giveTo, openAt, oursName } from './ours.ts';

const program = import.meta.url;
const accounts = 10_000;
/** What a process that is to be killed has written by then, of all that is there. */
const writtenShare = 0.05;

/** The events are loaded once; each run starts two processes, and kills one that writes in between. */
export function restartingNode(events: number): Side {
  const prepare = async (): Promise<Prepared> => {
    const { path, remove } = openFolder();
    await said(start(program, 'load', path, String(events)), 'closed');
    const run = async (): Promise<WorkDone> => {
      const [close = 0] = await said(start(program, 'open', path), 'opened');
      await said(start(program, 'write', path, String(events * writtenShare)), 'written', true);
      const [kill = 0] = await said(start(program, 'open', path), 'opened');
      return { checksum: events, ms: kill, facts: { [restartFacts.close]: close, [restartFacts.kill]: kill } };
    };
    return { run, close: remove };
  };
  return { name: oursName, durability: 'machine', prepare };
}

async function load(data: string, events: number): Promise<void> {
  const node = await openAt(data, bank);
  await fillAccounts(accounts, events / accounts, giveTo(node));
  await node.close();
  console.log('closed');
}

/** Until it is killed: some of it is in tables then, the rest in the log alone. */
async function writeOn(data: string, events: number): Promise<void> {
  const node = await openAt(data, bank);
  for (;;) {
    await fillAccounts(accounts, events / accounts, giveTo(node));
    console.log('written');
  }
}

/** From the first call of the process; its own start comes before. */
async function reopen(data: string): Promise<void> {
  const startedAt = performance.now();
  const node = await openAt(data, bank);
  const { version } = await node.read(account, accountName(0));
  const ms = performance.now() - startedAt;
  if (version === 0) throw new Error('the events of an account are gone');
  console.log(`opened ${ms}`);
  await node.close();
}

if (import.meta.main) {
  const [what, data = '', events = ''] = process.argv.slice(2);
  if (what === 'load') await load(data, Number(events));
  else if (what === 'write') await writeOn(data, Number(events));
  else await reopen(data);
}

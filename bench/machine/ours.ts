/** Our side of the machine's rows: a node over a directory, which answers once its log was synced. */
import { openFileEngine } from '../../src/log/file-owner.ts';
import { closingEngine } from '../../src/log/closing-engine.ts';
import type { LogEngine } from '../../src/log/port.ts';
import type { App } from '../../src/machine/app.ts';
import type { LockstepNode } from '../../src/node/node.ts';
import { openNode, type NodeOptions } from '../../src/node/open.ts';
import { type HostEnv, openHostEnv } from '../../src/os/env.ts';
import type { Prepared, Side, WorkDone } from '../harness.ts';
import { openFolder } from '../log/folder.ts';
import { runLoad } from '../log/load.ts';
import { smallTree, steadyFacts, tablesMade, Tenths } from '../partition/steady.ts';
import { Pauses } from '../storage/pauses.ts';
import {
  account,
  accountName,
  bank,
  dataBytes,
  Deposits,
  fillAccounts,
  ledger,
  ledgerWithTotals,
  type Give,
  type Work,
} from './bank.ts';

export const oursName = 'ours';
/** Where the state of its partition lies, in the node's directory. */
const stateFolder = 'state/0';

type Options = Pick<NodeOptions, 'tree'>;
export type EngineOver = (host: HostEnv) => LogEngine | Promise<LogEngine>;

const onFile: EngineOver = (host) => openFileEngine(host, 'log', { config: { silenceMs: 100, pauseMsMax: 20 } });

/** Leading; as `open` does it, with settings that a measurement needs. */
export async function openAt(
  data: string,
  app: App<object>,
  options: Options = {},
  engineOver: EngineOver = onFile,
): Promise<LockstepNode> {
  const host = await openHostEnv({ data });
  const engine = closingEngine(await engineOver(host), host);
  const node = await openNode(host, app, { ...options, engine, directory: 'state', owner: 'bench' });
  await node.leading();
  return node;
}

/** Each is committed, or it throws: nothing rejects a deposit. */
export const giveTo =
  (node: LockstepNode): Give =>
  (key, deposit) =>
    node.send(account, key, 'Deposit', deposit);

/** A node over a folder of its own, and accounts that were given to before. */
async function openFilled(
  app: App<object>,
  { accounts, each }: { readonly accounts: number; readonly each: number },
  options: Options = {},
): Promise<{ readonly node: LockstepNode; readonly path: string; close(): Promise<void> }> {
  const { path, remove } = openFolder();
  const node = await openAt(path, app, options);
  await fillAccounts(accounts, each, giveTo(node));
  const close = async (): Promise<void> => {
    await node.close();
    remove();
  };
  return { node, path, close };
}

/** Commands until all were acknowledged. */
export function commanding(work: Work, name: string = oursName): Side {
  const prepare = async (): Promise<Prepared> => {
    const { node, close } = await openFilled(bank, { accounts: work.accounts, each: 1 });
    const deposits = new Deposits(work);
    const run = async (): Promise<WorkDone> => {
      const done = await deposits.run(giveTo(node));
      return { ...done, facts: { 'peak MiB': process.resourceUsage().maxRSS / 1_024 } };
    };
    return { run, close };
  };
  return { name, durability: 'machine', prepare };
}

/** The same with a memtable so small that a run has more than ten flushes, and how long the loop comes to nothing else. */
export function holdingCommands(work: Work): Side {
  const prepare = async (): Promise<Prepared> => {
    const { node, path, close } = await openFilled(bank, { accounts: work.accounts, each: 1 }, { tree: smallTree });
    const deposits = new Deposits(work);
    const pauses = new Pauses();
    const run = async (): Promise<WorkDone> => {
      const before = tablesMade(`${path}/${stateFolder}`);
      const tenths = new Tenths(work.commands);
      pauses.start();
      const done = await deposits.run(giveTo(node), (count) => tenths.told(count));
      const made = { 'tables made': tablesMade(`${path}/${stateFolder}`) - before };
      return { ...done, facts: { [steadyFacts.slowest]: tenths.slowest(), ...pauses.stop(), ...made } };
    };
    return { run, close };
  };
  return { name: oursName, durability: 'machine', prepare };
}

export interface StreamReads {
  readonly streams: number;
  /** Events of each. */
  readonly events: number;
  readonly reads: number;
  readonly callers: number;
}

/** Whole streams, each event decoded and in its newest shape. */
export function readingStreams({ streams, events, reads, callers }: StreamReads): Side {
  const prepare = async (): Promise<Prepared> => {
    const { node, close } = await openFilled(ledger, { accounts: streams, each: events });
    const run = (): Promise<WorkDone> =>
      readingOf(
        { streams, events, reads, callers },
        async (key) => (await node.readStream(account, key)).events.length,
      );
    return { run, close };
  };
  return { name: oursName, durability: 'machine', prepare };
}

/** `read` gives the number of events that it has read. */
export function readingOf(
  { streams, events, reads, callers }: StreamReads,
  read: (key: string) => Promise<number>,
): Promise<WorkDone> {
  let begun = 0;
  return runLoad({ callers, entries: reads, entryBytes: events * dataBytes }, async () => {
    const found = await read(accountName(begun++ % streams));
    if (found !== events) throw new Error(`a stream of ${events} events has ${found}`);
  });
}

/** Each run opens the same events with a projection that no node has had, until a query has all of them. */
export function replaying(events: number, accounts: number): Side {
  const prepare = async (): Promise<Prepared> => {
    const { path, remove } = openFolder();
    const node = await openAt(path, ledger);
    await fillAccounts(accounts, events / accounts, giveTo(node));
    await node.close();
    let runs = 0;
    const run = async (): Promise<WorkDone> => {
      const { app, total } = ledgerWithTotals(runs++);
      const begunAt = performance.now();
      await using opened = await openAt(path, app);
      for (;;) {
        const { value, missing } = await opened.query(total, accountName(0), { partial: true });
        if (missing.length === 0) return { checksum: value, ms: performance.now() - begunAt };
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    return { run, close: remove };
  };
  return { name: oursName, durability: 'machine', prepare };
}

/**
 * Holds what callers of a chaos of machines were told against the streams, and all that is made of events against them:
 * messages, states, rows, deadlines, and what a reader saw.
 */
import type { LockstepNode } from 'lockstep';
import {
  account,
  accountKeys,
  balanceOf,
  type BankEvent,
  lamp,
  lampKeys,
  noSums,
  rowsQuery,
  type Sums,
} from './bank.ts';
import type { Ledger } from './ledger.ts';

export interface Verdict {
  readonly problems: readonly string[];
  readonly numbers: Readonly<Record<'events' | 'lost' | 'doubled' | 'messages' | 'deadlines' | 'replayed', number>>;
}

/** Of a bank in which nothing is on its way any more. */
export async function judge(node: LockstepNode, ledger: Ledger): Promise<Verdict> {
  const accounts = new Map<string, readonly BankEvent[]>();
  for (const key of accountKeys) accounts.set(key, await streamOf(node, account, key));
  const lamps: (readonly BankEvent[])[] = [];
  for (const key of lampKeys) lamps.push(await streamOf(node, lamp, key));
  const all = [...accounts.values(), ...lamps].flat();
  const commands = judgeCommands(ledger, all);
  const messages = judgeMessages([...accounts.values()].flat());
  const replayed = await node.verifyReplay();
  const problems = [
    ...ledger.problems,
    ...commands.problems,
    ...messages.problems,
    ...(await judgeSums(node, accounts)),
    ...judgeSeen(ledger, accounts),
    ...lamps.flatMap(judgeLamp),
    ...replayed.differing.map(
      ({ machine, key, problem }) => `${machine} ${key} is not what its events make: ${problem}`,
    ),
    ...(await node.deadLetters()).map((letter) => `a message lies among the dead: ${letter.why}`),
  ];
  const { lost, doubled } = commands;
  const deadlines = all.filter(({ type }) => type === 'TimedOut').length;
  const numbers = {
    events: all.length,
    lost,
    doubled,
    messages: messages.count,
    deadlines,
    replayed: replayed.compared,
  };
  return { problems, numbers };
}

const pageLength = 1_000;

async function streamOf(
  node: LockstepNode,
  machine: typeof account | typeof lamp,
  key: string,
): Promise<readonly BankEvent[]> {
  const all: BankEvent[] = [];
  for (;;) {
    const { events } = await node.readStream(machine, key, { fromVersion: all.length + 1, limit: pageLength });
    all.push(...events);
    if (events.length < pageLength) return all;
  }
}

/** By messages and deadlines: nobody sent them. */
const isOfItself = ({ type }: BankEvent): boolean => type === 'Received' || type === 'TimedOut';

/** Acknowledged: there once, where it was told. Unknown: once at most. All others: not there. */
function judgeCommands({ commands }: Ledger, events: readonly BankEvent[]) {
  const problems: string[] = [];
  const byCommand = Map.groupBy(
    events.filter((event) => !isOfItself(event)),
    ({ commandId }) => commandId,
  );
  let [lost, doubled] = [0, 0];
  for (const [id, told] of commands) {
    const found = byCommand.get(id) ?? [];
    const [event] = found;
    if (found.length > 1) doubled++;
    if (found.length === 0 && told.kind === 'acknowledged') lost++;
    const isRight =
      told.kind === 'acknowledged'
        ? found.length === 1 && event?.key === told.key && event.version === told.version
        : found.length <= (told.kind === 'unknown' ? 1 : 0);
    if (!isRight) problems.push(`the command ${id} is ${JSON.stringify(told)}, and has ${found.length} events`);
  }
  for (const id of byCommand.keys()) if (!commands.has(id)) problems.push(`nobody sent the command ${id}, and it ran`);
  return { problems, lost, doubled };
}

/** What was sent was received: once, there, as much. */
function judgeMessages(events: readonly BankEvent[]) {
  const problems: string[] = [];
  const received = Map.groupBy(
    events.filter(({ type }) => type === 'Received'),
    ({ causationId }) => causationId,
  );
  let count = 0;
  for (const event of events) {
    if (event.type !== 'Sent') continue;
    count++;
    const { commandId, data } = event;
    const [first, ...others] = received.get(commandId) ?? [];
    received.delete(commandId);
    const isRight = first?.type === 'Received' && first.key === data.to && first.data.amount === data.amount;
    if (!isRight || others.length > 0)
      problems.push(`${data.amount} sent by ${event.id} to ${data.to} arrived otherwise`);
  }
  for (const cause of received.keys()) problems.push(`nobody sent what was received because of ${cause}`);
  return { problems, count };
}

/** State and rows are a fold over the stream, nobody has less than nothing, and no money came or went by itself. */
async function judgeSums(node: LockstepNode, accounts: ReadonlyMap<string, readonly BankEvent[]>) {
  const problems: string[] = [];
  const total = { held: 0, deposited: 0 };
  for (const [key, events] of accounts) {
    const folded = JSON.stringify(fold(events));
    const { state, token } = await node.read(account, key);
    const { value: rows } = await node.query(rowsQuery, key, { after: token });
    for (const [what, sums] of Object.entries({ state, ...rows }))
      if (JSON.stringify(sums) !== folded) problems.push(`${what} of ${key} is ${JSON.stringify(sums)}, not ${folded}`);
    if (balanceOf(state) < 0) problems.push(`${key} has ${balanceOf(state)}`);
    total.held += balanceOf(state);
    total.deposited += state.deposited;
  }
  if (total.held !== total.deposited) problems.push(`${total.deposited} came in, and ${total.held} are there`);
  return problems;
}

function fold(events: readonly BankEvent[]): Sums {
  const sums = { ...noSums };
  for (const event of events) {
    sums.events++;
    if (event.type === 'Deposited') sums.deposited += event.data.amount;
    if (event.type === 'Sent') sums.sent += event.data.amount;
    if (event.type === 'Received') sums.received += event.data.amount;
  }
  return sums;
}

/** The reader saw each stream whole, in order, each event once. */
function judgeSeen({ seen }: Ledger, accounts: ReadonlyMap<string, readonly BankEvent[]>): readonly string[] {
  const byKey = Map.groupBy(seen, ({ key }) => key);
  return [...accounts].flatMap(([key, events]) => {
    const ids = (byKey.get(key) ?? []).map(({ id }) => id);
    const at = events.findIndex(({ id }, index) => id !== ids[index]);
    if (ids.length === events.length && at < 0) return [];
    return [`of ${events.length} events of ${key} the reader saw ${ids.length}; first other: ${ids[at]}`];
  });
}

/** It goes out once after it was last turned on, and stays out until it is turned on again. */
function judgeLamp(events: readonly BankEvent[]): readonly string[] {
  const problems = events.filter(({ type }, index) => type === 'TimedOut' && events[index - 1]?.type !== 'TurnOn');
  if (events.length > 0 && events.at(-1)?.type !== 'TimedOut') problems.push(...events.slice(-1));
  return problems.map(({ id, type }) => `${type} of ${id} stands where it cannot`);
}

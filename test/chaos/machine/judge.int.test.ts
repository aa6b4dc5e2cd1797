/** The judge of a chaos of machines, given what cannot be. */
import { commandId, committed, type CommandId, type LockstepNode } from 'lockstep';
import { openInMemory } from 'lockstep/sim';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { account, bank, type BankEvent } from './bank.ts';
import { judge } from './judge.ts';
import { Ledger } from './ledger.ts';

const [paid, seen]: [CommandId[], BankEvent[]] = [[], []];
let node: LockstepNode;

/** Two deposits and a transfer, all of which arrived. */
beforeAll(async () => {
  node = await openInMemory(bank);
  for (const name of ['first', 'second', 'third']) paid.push(commandId(new Date(), name));
  const [first, second, third] = paid;
  await node.send(account, 'account-0', 'Deposit', { amount: 5 }, { commandId: first });
  await node.send(account, 'account-0', 'Deposit', { amount: 5 }, { commandId: second });
  committed(await node.send(account, 'account-0', 'Send', { amount: 7, to: 'account-1' }, { commandId: third }));
  for await (const event of node.events(account)) if (seen.push(event) === 4) break;
});

afterAll(() => node.close());

function ledgerOf(change: (ledger: Ledger) => void): Ledger {
  const ledger = new Ledger();
  for (const [index, id] of paid.entries())
    ledger.told(id, { kind: 'acknowledged', key: 'account-0', version: index + 1 });
  ledger.seen.push(...seen);
  change(ledger);
  return ledger;
}

test('what fits is no problem', async () => {
  const { problems, numbers } = await judge(
    node,
    ledgerOf(({ commands }) => commands.set(paid[1] ?? '', { kind: 'unknown' })),
  );
  expect(problems).toEqual([]);
  expect(numbers).toEqual({ events: 4, lost: 0, doubled: 0, messages: 1, deadlines: 0, replayed: 2 });
});

test.each<readonly [what: string, change: (ledger: Ledger) => unknown, found: RegExp]>([
  [
    'an acknowledged command without an event',
    ({ commands }) => commands.set('gone', { kind: 'acknowledged', key: 'account-0', version: 4 }),
    /gone is .* and has 0 events/,
  ],
  [
    'another version than was told',
    ({ commands }) => commands.set(paid[0] ?? '', { kind: 'acknowledged', key: 'account-0', version: 2 }),
    /first is .* and has 1 events/,
  ],
  [
    'a denied command with an event',
    ({ commands }) => commands.set(paid[0] ?? '', { kind: 'denied' }),
    /first is .* and has 1 events/,
  ],
  ['a command that nobody sent', ({ commands }) => commands.delete(paid[0] ?? ''), /nobody sent the command .*first/],
  [
    'an event that the reader missed',
    (ledger) => ledger.seen.splice(1, 1),
    /of 3 events of account-0 the reader saw 2/,
  ],
  [
    'an event that the reader saw again',
    (ledger) => ledger.seen.push(...seen.slice(0, 1)),
    /of 3 events of account-0 the reader saw 4/,
  ],
])('%s is a problem', async (_what, change, found) => {
  const { problems } = await judge(node, ledgerOf(change));
  expect(problems).toEqual([expect.stringMatching(found)]);
});

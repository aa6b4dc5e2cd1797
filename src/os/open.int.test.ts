/** The first program, over a directory of this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineApp, machine, open, reject, unchecked, versions } from 'lockstep';
import { afterEach, beforeEach, expect, test } from 'vitest';

interface Amount {
  readonly amount: number;
}

const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: unchecked<Amount>(), Withdraw: unchecked<Amount>() },
  events: { Deposited: unchecked<Amount>(), Withdrawn: unchecked<Amount>() },
  decide: {
    Deposit: (_account, { amount }, { event }) => [event('Deposited', { amount })],
    Withdraw: (state, { amount }, { event }) =>
      amount > state.balance
        ? reject('insufficient-funds', { missing: amount - state.balance })
        : [event('Withdrawn', { amount })],
  },
  evolve: {
    Deposited: (state, { amount }) => ({ balance: state.balance + amount }),
    Withdrawn: (state, { amount }) => ({ balance: state.balance - amount }),
  },
});
const bank = defineApp({ name: 'bank', parts: [account] });

let data = '';
beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'lockstep-open-'))));
afterEach(() => rmSync(data, { recursive: true, force: true }));

test('what was sent is there when the directory is opened again, and who has it keeps others out', async () => {
  for (const balance of [100, 200]) {
    await using node = await open(bank, { data });
    const deposit = await node.send(account, 'a-1', 'Deposit', { amount: 100 });
    expect(deposit).toMatchObject({ kind: 'committed', version: balance / 100, repeated: false });
    const withdrawal = await node.send(account, 'a-1', 'Withdraw', { amount: 500 });
    expect(withdrawal).toEqual({
      kind: 'rejected',
      code: 'insufficient-funds',
      details: { missing: 500 - balance },
    });
    expect(await node.read(account, 'a-1')).toMatchObject({ state: { balance }, version: balance / 100, ageMs: 0 });
    await expect(open(bank, { data })).rejects.toMatchObject({ kind: 'in-use' });
    await expect(open(bank, { data, takeOver: true })).rejects.toMatchObject({ kind: 'in-use' }); // it runs
  }
});

test('code that does not fit what is stored is refused with the list', async () => {
  await (await open(bank, { data })).close();
  await expect(open(defineApp({ name: 'bank', parts: [] }), { data })).rejects.toThrow(
    'a machine is gone, 0 streams have no code',
  );
  const changed = { ...account, '~machine': { ...account['~machine'], codeVersion: 2 } };
  await (await open(defineApp({ name: 'bank', parts: [changed] }), { data })).close();
  await expect(open(bank, { data })).rejects.toThrow('codeVersion');
});

test('an event that gained a shape is read in the newest one', async () => {
  const told = (event: typeof first | typeof second) =>
    machine({
      name: 'note',
      initial: () => ({ text: '' }),
      commands: { Tell: unchecked<string>() },
      events: { Told: event },
      decide: { Tell: (_state, text, { event: made }) => [made('Told', { text })] },
      evolve: { Told: (_state, { text }) => ({ text }) },
    });
  const first = versions(unchecked<{ text: string }>());
  const second = first.next(unchecked<{ text: string }>(), ({ text }) => ({ text: `${text}!` }));
  const [before, after] = [told(first), told(second)];
  {
    await using node = await open(defineApp({ name: 'notes', parts: [before] }), { data });
    await node.send(before, 'n', 'Tell', 'hello');
  }
  await using node = await open(defineApp({ name: 'notes', parts: [after] }), { data });
  await node.send(after, 'n', 'Tell', 'world');
  const texts: string[] = [];
  for await (const { data: event } of node.events(after, { key: 'n' })) if (texts.push(event.text) === 2) break;
  expect(texts).toEqual(['hello!', 'world']);
});

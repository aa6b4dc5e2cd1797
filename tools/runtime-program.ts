/** What each runtime is given to do with the package as it is published: all that a service does, in a few lines. */
import { defineApp, LockstepError, machine, open, unchecked } from 'lockstep';
import { connect } from 'lockstep/client';
import { serve } from 'lockstep/server/node';

const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: unchecked<number>() },
  events: { Deposited: unchecked<number>() },
  decide: { Deposit: (_state, amount, { event }) => [event('Deposited', amount)] },
  evolve: { Deposited: ({ balance }, amount) => ({ balance: balance + amount }) },
});
const app = defineApp({ name: 'bank', parts: [account] });
const data = process.argv[2] ?? '';

async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  const done = await run();
  console.log(`  works: ${name}`);
  return done;
}

const node = await step('open a directory', () => open(app, { data }));
await step('refuse it to a second opener', async () => {
  const kind = await open(app, { data }).then(
    () => 'opened',
    (error: unknown) => (error instanceof LockstepError ? error.kind : String(error)),
  );
  if (kind !== 'in-use') throw new Error(`it was ${kind}`);
});
await step('send 1,000 commands', () =>
  Promise.all(Array.from({ length: 1_000 }, () => node.send(account, 'ann', 'Deposit', 1))),
);
const server = await step('serve over HTTP', () => serve(node, { port: 0 }));
const remote = connect(server.url);
await step('send and read from afar', async () => {
  await remote.send(account, 'ann', 'Deposit', 1);
  const { state } = await remote.read(account, 'ann');
  if (state.balance !== 1_001) throw new Error(`the balance is ${state.balance}`);
});
await step('follow events from afar', async () => {
  for await (const { version } of remote.events(account, { key: 'ann' })) if (version === 1_001) break;
});
await step('close in order', async () => {
  await server.close();
  await node.close();
});
await step('open it again with everything in it', async () => {
  const again = await open(app, { data });
  const { version } = await again.read(account, 'ann');
  await again.close(); // Node 22 has no `await using`
  if (version !== 1_001) throw new Error(`the version is ${version}`);
});

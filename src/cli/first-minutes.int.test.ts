/** The first ten minutes of a newcomer: real processes over a directory of their own, at a free port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defineApp } from '../machine/app.ts';
import { machine } from '../machine/machine.ts';
import { unchecked } from '../machine/schema.ts';
import { open } from '../os/open.ts';
import { lockstep, type Printed } from '../../test/servers/command-line.ts';
import { connect } from './connect.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const library = new URL('../index.ts', import.meta.url).href;
const condition = '--conditions=lockstep-source';

const app = (missing: string, evolved = ''): string => `
import { defineApp, machine, reject, unchecked } from '${library}';
type Amount = { amount: number };
export const account = machine({
  name: 'account',
  initial: () => ({ balance: 0 }),
  commands: { Deposit: unchecked<Amount>(), Withdraw: unchecked<Amount>() },
  events: { Deposited: unchecked<Amount>(), Withdrawn: unchecked<Amount>() },
  decide: {
    Deposit: (_account, { amount }, { event }) => [event('Deposited', { amount })],
    Withdraw: (account, { amount }, { event }) =>
      amount > account.balance
        ? reject('insufficient-funds', { ${missing}: amount - account.balance })
        : [event('Withdrawn', { amount })],
  },
  evolve: {
    Deposited: (account, { amount }) => ({ balance: account.balance + amount${evolved} }),
    Withdrawn: (account, { amount }) => ({ balance: account.balance - amount }),
  },
});
export default defineApp({ name: 'bank', parts: [account] });
`;

let place = '';
let data = '';
const children: ChildProcess[] = [];
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'lockstep-first-'));
  data = join(place, '.lockstep/bank');
  await writeFile(join(place, 'account.ts'), app('missing'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(place, { recursive: true, force: true, maxRetries: 20 }); // the process behind may still be ending
});

/** `lockstep dev`, and its lines as they come. */
function dev() {
  const words = [condition, program, 'dev', 'account.ts', '--port', '0'];
  const child = spawn(process.execPath, words, { cwd: place, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (told += text));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const next = await lines.next();
    return next.done === true ? `it ended: ${told}` : next.value;
  };
  return { child, line, told: () => told };
}

/** Another command, in this process. */
const asked = (...words: readonly string[]): Promise<Printed> => lockstep(...words, '--data', data);

/** Deposits of 1, one after the other and without an id, as curl sends them, until told to stop. */
function depositing(url: string) {
  let isStopped = false;
  const send = async (): Promise<readonly number[]> => {
    const statuses: number[] = [];
    for (; !isStopped; await turn()) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"amount":1}' };
      statuses.push((await fetch(`${url}/machines/account/commands/Deposit?key=b-2`, init)).status);
    }
    return statuses;
  };
  const sent = send();
  return async () => {
    isStopped = true;
    return sent;
  };
}

test('an app is run, asked, changed while it is used, broken, mended, pulled and run again', async () => {
  const first = dev();
  expect(await first.line()).toMatch(
    /^ {2}bank {9}1 machine · data \.lockstep\/bank · every commit on disk \(fdatasync \d+\.\d ms here\)$/,
  );
  expect(await first.line()).toMatch(/^ {2}page {9}http:\/\/127\.0\.0\.1:\d+( · the page is not built .*)?$/);
  expect(await readFile(join(place, '.gitignore'), 'utf8')).toBe('.lockstep/\n');

  const deposit = await asked('send', 'account', 'a-1', 'Deposit', '{"amount":100}');
  expect(deposit.out).toMatch(/^ {2}committed {4}version 1 · Deposited \{"amount":100\} · \d+\.\d ms\n$/);
  const rejected = await asked('send', 'account', 'a-1', 'Withdraw', '{"amount":500}');
  expect(rejected).toMatchObject({ code: 2, out: '  rejected     insufficient-funds {"missing":400}\n' });
  expect(await first.line()).toBe('  rejected     account insufficient-funds');
  const conflict = await asked('send', 'account', 'a-1', 'Deposit', '{"amount":1}', '--expected-version', '7');
  expect(conflict).toMatchObject({ code: 3, out: '  conflict     it has version 1, not 7\n' });
  expect((await asked('send', 'account', 'a-1', 'Close')).told).toMatch(/^misuse: /);
  expect((await asked('state', 'account', 'a-1')).out).toBe('  {"balance":100}    version 1\n');
  expect((await asked('state', 'account', 'a-1', '--step')).out).toMatch(
    /^ {2}\{"balance":0\} {4}version 0\n {2}\S+ {2}Deposited \{"amount":100\}\n {2}\{"balance":100\} {4}version 1\n$/,
  );
  expect((await asked('events', 'account')).out).toMatch(/^ {2}[\d:.]{12} {2}a-1 {2}1 {2}Deposited .*\n$/);
  expect(await asked('status')).toMatchObject({ code: 0, told: '' });
  expect((await asked('explain')).out).toBe('nothing waits\n');
  expect((await asked('dead-letters', 'list')).out).toBe('  no dead letters\n');
  expect((await asked('projections')).out).toBe('  no projections\n');
  await expect(open(defineApp({ name: 'bank', parts: [] }), { data })).rejects.toThrow(
    /^another process serves this directory; .*\n {2}It is `lockstep dev account\.ts`, for .*Talk to it: connect\('/,
  );

  const running = JSON.parse(await readFile(join(data, 'running.json'), 'utf8')) as { readonly url: string };
  const stopDepositing = depositing(running.url);
  await writeFile(join(place, 'account.ts'), app('lacking', ', deposited: true'));
  expect(await first.line()).toMatch(
    /^ {2}reloaded {5}account\.ts in \d+\.\d s · decide\.Withdraw changed · evolve changed: \d states? folded again \(in production: raise codeVersion\) · (\d )?requests? waited, none failed$/,
  );
  expect(new Set(await stopDepositing())).toEqual(new Set([200]));
  expect((await asked('send', 'account', 'a-1', 'Withdraw', '{"amount":500}')).out).toContain('{"lacking":400}');
  expect(await first.line()).toBe('  rejected     account insufficient-funds');
  expect((await asked('state', 'account', 'a-1')).out).toContain('{"balance":100,"deposited":true}');

  await writeFile(join(place, 'account.ts'), `${app('lacking')}\n)`);
  expect(await first.line()).toMatch(/^ {2}not loaded .*the code of before serves$/);
  expect(first.told()).toContain('SyntaxError');

  // The power goes; the process behind finds out by itself.
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const account = machine({
    name: 'account',
    initial: () => ({ balance: 0 }),
    commands: { Deposit: unchecked<{ amount: number }>() },
    events: { Deposited: unchecked<{ amount: number }>() },
    decide: { Deposit: (_account, amount, { event }) => [event('Deposited', amount)] },
    evolve: { Deposited: (state) => state },
  });
  const waiting = connect(data).send(account, 'a-1', 'Deposit', { amount: 1 });
  await writeFile(join(place, 'account.ts'), app('missing', ', deposited: true'));
  const second = dev();
  expect(await second.line()).toMatch(/^ {2}bank {9}ready in \d+\.\d s · \d+ events · nothing lost · decide/);
  expect(await waiting).toMatchObject({ kind: 'committed', version: 2 });
  second.child.kill('SIGINT');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
  expect(existsSync(join(data, 'running.json'))).toBe(false);
  const nobody = await asked('state', 'account', 'a-1');
  expect(nobody).toMatchObject({ code: 1, out: '' });
  expect(nobody.told).toMatch(/^unavailable: no node runs here; nothing was done/);
});

test('states are folded again when what `evolve` calls has changed, in whatever file it is, and only then', async () => {
  const rules = (made: string): string => `export const added = (a: number, b: number): number => ${made};\n`;
  const folding = app('missing').replace('account.balance + amount', 'added(account.balance, amount)');
  await writeFile(join(place, 'rules.ts'), rules('a + b'));
  await writeFile(join(place, 'account.ts'), `import { added } from './rules.ts';\n${folding}`);
  const running = dev();
  expect(await running.line()).toMatch(/^ {2}bank /);
  expect(await running.line()).toMatch(/^ {2}page /);
  await asked('send', 'account', 'a-1', 'Deposit', '{"amount":100}');
  await writeFile(join(place, 'rules.ts'), rules('a + b * 2'));
  expect(await running.line()).toMatch(
    /^ {2}reloaded {5}rules\.ts in \d+\.\d s · 1 of 1 state of account differed: folded again \(in production: raise codeVersion\) · requests waited, none failed$/,
  );
  expect((await asked('state', 'account', 'a-1')).out).toBe('  {"balance":200}    version 1\n');
  await asked('send', 'account', 'a-1', 'Deposit', '{"amount":1}'); // keeps the state as it is folded now
  await writeFile(join(place, 'rules.ts'), `// as before\n${rules('a + b * 2')}`);
  expect(await running.line()).toMatch(/^ {2}reloaded {5}rules\.ts in \d+\.\d s · requests waited, none failed$/);
  expect((await asked('state', 'account', 'a-1')).out).toBe('  {"balance":202}    version 2\n');
});

/** What lies in the files of a node: whoever reads the directory finds no personal field, as long as the log and tables live. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineApp, machine, open, unchecked } from 'lockstep';
import { personal, subjects } from 'lockstep/personal';
import { afterEach, beforeEach, expect, test } from 'vitest';

interface Profile {
  readonly email: string;
  readonly plan: string;
}

const customer = machine({
  name: 'customer',
  initial: (): { email: string | null; plan: string } => ({ email: null, plan: '' }),
  commands: { Register: unchecked<Profile>() },
  events: { Registered: personal(unchecked<Profile>(), ['email']) },
  decide: { Register: (_customer, profile, { event }) => [event('Registered', profile)] },
  evolve: { Registered: (_customer, { email, plan }) => ({ email, plan }) },
});
const app = defineApp({ name: 'app', parts: [customer, subjects] });

let data = '';
beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'lockstep-personal-'))));
afterEach(() => rmSync(data, { recursive: true, force: true }));

/** In which files of the directory the text stands, in bytes. */
function filesWith(text: string): readonly string[] {
  const paths = readdirSync(data, { recursive: true, encoding: 'utf8' }).map((path) => join(data, path));
  return paths.filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
}

test('no personal byte is in any file: not of events, not of the state, before and after its subject is forgotten', async () => {
  const email = 'ann.e.mail@example.org';
  for (const forgets of [false, true]) {
    const node = await open(app, { data });
    await node.send(customer, 'ann', 'Register', { email, plan: 'gold-plated' });
    expect((await node.read(customer, 'ann')).state.email).toBe(email);
    if (forgets) await node.send(subjects, 'ann', 'Forget');
    expect(filesWith('gold-plated')).not.toEqual([]); // what is not personal is found, so the other would be
    expect(filesWith(email)).toEqual([]);
    await node.close();
    expect(filesWith(email)).toEqual([]);
  }
  await using node = await open(app, { data });
  expect((await node.read(customer, 'ann')).state).toEqual({ email: null, plan: 'gold-plated' });
});

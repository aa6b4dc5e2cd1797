/**
 * A tea house on the web: what guests may do is listed, everything else is not there. The handler is a function from
 * `Request` to `Response`; here it is called as a framework would, to show what goes over the wire.
 */
import { rmSync } from 'node:fs';
import { defineApp, machine, open, reject, unchecked } from 'lockstep';
import { allow, expose } from 'lockstep/server';

const pot = machine({
  name: 'pot',
  initial: () => ({ cups: 4 }),
  commands: { Pour: unchecked<{ cups: number }>(), Refill: unchecked<{ cups: number }>() },
  events: { Poured: unchecked<{ cups: number }>(), Refilled: unchecked<{ cups: number }>() },
  decide: {
    Pour: (state, { cups }, { event }) =>
      cups > state.cups ? reject('too-little', { left: state.cups }) : [event('Poured', { cups })],
    Refill: (_state, { cups }, { event }) => [event('Refilled', { cups })],
  },
  evolve: {
    Poured: (state, { cups }) => ({ cups: state.cups - cups }),
    Refilled: (_state, { cups }) => ({ cups }),
  },
});

const api = expose([allow(pot, { send: ['Pour'], read: true })], async (request, { key }) => {
  const table = request.headers.get('x-table');
  return table !== null && table === key ? { actor: `table ${table}` } : null;
});

const data = 'example-server';
const node = await open(defineApp({ name: 'tea-house', parts: [pot] }), { data });
const handler = api.handler(node);

async function ask(what: string, path: string, init: RequestInit = {}): Promise<void> {
  const headers = { 'x-table': '7', 'content-type': 'application/json', ...init.headers };
  const response = await handler(new Request(`http://tea.test${path}`, { ...init, headers }));
  const { kind, code, detail, state } = (await response.json()) as Readonly<Record<string, unknown>>;
  console.log(`${what.padEnd(22)} ${response.status}  ${JSON.stringify({ kind, code, detail, state })}`);
}

const pour = (cups: number): RequestInit => ({ method: 'POST', body: JSON.stringify({ cups }) });
await ask('pour three', '/machines/pot/commands/Pour?key=7', pour(3));
await ask('pour two more', '/machines/pot/commands/Pour?key=7', pour(2));
await ask('look', '/machines/pot/state?key=7');
await ask('from another table', '/machines/pot/commands/Pour?key=8', pour(1));
await ask('refill by themselves', '/machines/pot/commands/Refill?key=7', pour(9));

await node.close();
rmSync(data, { recursive: true });

/**
 * Histories recorded in the simulator: clients of a register in a store on the web, whose answers are late or lost. The store
 * that answers from its own memory is right; one with a second copy that lags, read now and then, is not.
 */
import { checkLinearizable, type History, recorder, register, type RegisterCall, type Value } from 'lockstep/check';
import { calm, simulate, type World } from 'lockstep/sim';
import { expect, test } from 'vitest';

const url = 'http://store.test/value';
const clientCount = 4;
const operationCount = 8;
/** Answers are lost now and then, and some are late. */
const rainy = { ...calm, lossChance: 0.03, slowFrameChance: 0.2 };

/** `isStale`: every other read is answered from a copy that is one write behind. */
function store(isStale: boolean): (request: Request) => Promise<Response> {
  let [value, copy, reads] = [0, 0, 0];
  return async (request) => {
    if (request.method === 'GET') return Response.json(isStale && ++reads % 2 === 0 ? copy : value);
    copy = value;
    value = (await request.json()) as number;
    return Response.json(value);
  };
}

async function record(world: World, isStale: boolean): Promise<History<RegisterCall, Value>> {
  const notes = recorder<RegisterCall, Value>();
  let written = 0;
  world.serve('store.test', store(isStale), { steady: true });
  const clients = Array.from({ length: clientCount }, (_, index) =>
    world.run(
      `client-${index + 1}`,
      async (env) => {
        for (let at = 0; at < operationCount; at++) {
          const value = ++written;
          const isRead = env.random() < 0.5;
          const pending = notes.invoke(`client-${index + 1}`, isRead ? { kind: 'read' } : { kind: 'write', value });
          try {
            const body = isRead ? {} : { method: 'PUT', body: JSON.stringify(value) };
            const told = (await (await env.fetch(url, body)).json()) as number;
            pending.ok(isRead ? told : null);
          } catch {
            pending.info(); // lost on the way there or back
          }
          await env.sleep('5ms');
        }
      },
      { steady: true },
    ),
  );
  await Promise.all(clients);
  return notes.history();
}

async function verdictsOf(
  seeds: number,
  isStale: boolean,
): Promise<{ ok: number; violation: number; unknowns: number }> {
  const counts = { ok: 0, violation: 0, unknowns: 0 };
  await simulate({ seeds, twice: false, weather: rainy }, async (world) => {
    const history = await record(world, isStale);
    const { kind } = checkLinearizable(history, register(0));
    if (kind === 'unknown') throw new Error('such a small history is decided');
    counts[kind]++;
    counts.unknowns += history.filter(({ outcome }) => outcome.kind === 'info').length;
  });
  return counts;
}

test('a store of one copy is linearizable on every seed, its lost answers included', async () => {
  const counts = await verdictsOf(60, false);
  expect(counts).toMatchObject({ ok: 60, violation: 0 });
  expect(counts.unknowns).toBeGreaterThan(20);
});

test('a store that answers from a copy that lags is found out on most seeds', async () => {
  expect((await verdictsOf(30, true)).violation).toBeGreaterThan(20);
});

/**
 * A service that writes many streams over one journal and compares them, at every start, with a model of each: what was
 * answered for is there, and a beginning of the rest.
 */
import type { Env } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { openWal, type Wal } from '../../src/wal/wal.ts';
import { ofDisk } from './wal-storm.ts';

const options = {
  directory: 'wal',
  prefix: 'w',
  create: true,
  limits: { segmentBytes: 8_192, groupBytesMax: 2_048, waitingBytesMax: 4_000, spareCountMax: 1, markAfterMs: 100 },
};
const streams = [0, 1, 7, 1_000_000] as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Stream {
  readonly first: number;
  readonly texts: readonly string[];
}

type Operation = { readonly stream: number } & (
  | { readonly kind: 'append'; readonly texts: readonly string[] }
  | { readonly kind: 'truncate-after' | 'truncate-before'; readonly index: number }
);

type State = ReadonlyMap<number, Stream>;

function after(state: State, operation: Operation): State {
  const { first, texts } = state.get(operation.stream) ?? { first: 1, texts: [] };
  const changed =
    operation.kind === 'append'
      ? { first, texts: [...texts, ...operation.texts] }
      : operation.kind === 'truncate-after'
        ? { first, texts: texts.slice(0, operation.index + 1 - first) }
        : { first: operation.index, texts: texts.slice(operation.index - first) };
  return new Map(state).set(operation.stream, changed);
}

class Model {
  state: State = new Map();
  open: Operation[] = [];
  roundCount = 0;
  #textCount = 0;

  text(bytes: number): string {
    return `${++this.#textCount}:`.padEnd(bytes, '.');
  }

  get newest(): State {
    return this.open.reduce(after, this.state);
  }

  found(found: State): boolean {
    const same = (state: State): boolean =>
      streams.every((stream) => {
        const [is, told] = [found.get(stream), state.get(stream)];
        if (is?.first !== (told?.first ?? 1)) return false;
        return is.texts.join() === (told?.texts ?? []).join();
      });
    let candidate = this.state;
    for (let taken = 0; !same(candidate); taken++) {
      const next = this.open[taken];
      if (next === undefined) return false;
      candidate = after(candidate, next);
    }
    this.state = candidate;
    this.open = [];
    return true;
  }
}

async function readAll(wal: Wal, bytesMax: number): Promise<State> {
  const state = new Map<number, Stream>();
  for (const stream of streams) {
    const { first } = wal.bounds(stream);
    const texts: string[] = [];
    for (;;) {
      const batch = await wal.read(stream, first + texts.length, bytesMax);
      if (batch.kind !== 'entries') break;
      for (const entry of batch.entries) texts.push(decoder.decode(entry));
    }
    state.set(stream, { first, texts });
  }
  return state;
}

async function service(world: World, env: Env, model: Model, roundCount: number): Promise<number> {
  const wal = await openWal(env, options);
  if (wal === null) throw new Error('it is created');
  const { randomness } = env;
  const found = await readAll(wal, 1 + randomness.below(2_000));
  if (!model.found(found)) world.fail('a stream holds something else than was answered for, or asked');
  let failed: unknown = null;
  const perform = async (operation: Operation, work: () => Promise<unknown>): Promise<void> => {
    model.open.push(operation);
    try {
      const outcome = await work();
      const full =
        outcome === 'full' ||
        (typeof outcome === 'object' && outcome !== null && 'kind' in outcome && outcome.kind === 'full');
      const place = model.open.indexOf(operation);
      model.open.splice(place, 1);
      if (full) await wal.room();
      else if (place > 0) world.fail('answers come in another order');
      else model.state = after(model.state, operation);
    } catch (error) {
      failed = error;
    }
  };
  const act = (): Promise<void> => {
    const stream = randomness.below(4) === 0 ? streams[3] : (streams[randomness.below(streams.length)] ?? 0);
    const { first, texts } = model.newest.get(stream) ?? { first: 1, texts: [] };
    const chance = randomness.below(10);
    if (chance === 0) {
      const index = first - 1 + randomness.below(texts.length + 1);
      return perform({ kind: 'truncate-after', stream, index }, () => wal.truncateAfter(stream, index));
    }
    if (chance <= 2) {
      const index = first + Math.max(0, texts.length - randomness.below(4)) + (randomness.below(9) === 0 ? 5 : 0);
      return perform({ kind: 'truncate-before', stream, index }, () => wal.truncateBefore(stream, index));
    }
    const added = Array.from({ length: 1 + randomness.below(3) }, () => model.text(randomness.below(200)));
    return perform({ kind: 'append', stream, texts: added }, () =>
      wal.append(
        stream,
        added.map((text) => encoder.encode(text)),
      ),
    );
  };
  while (model.roundCount < roundCount && failed === null) {
    model.roundCount++;
    // Few at a time, so that none is full: what follows was computed as if it was taken.
    await Promise.all([act(), act(), act()]);
    if (randomness.below(10) === 0) await env.sleep('300ms');
  }
  const segmentCount = env.disk.list('wal')?.filter(({ name }) => name.endsWith('.seg')).length ?? 0;
  await wal.close();
  if (failed !== null) throw ofDisk(failed);
  return segmentCount;
}

/** In any weather, then once more in fair weather; how many segments there were in the end. */
export async function streamsScenario(world: World): Promise<number> {
  const model = new Model();
  const done = world.run('node', (env) => service(world, env, model, 120));
  await world.sleep('3s');
  world.heal();
  await done;
  world.crash('node', { kind: 'power', restart: '10ms' });
  return world.run('judge', (env) => service(world, env, model, 160), { on: 'node' });
}

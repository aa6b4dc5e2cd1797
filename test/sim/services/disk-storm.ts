/** What strikes one node besides the weather, until it heals: crashes, syncs that fail, a disk without space for a while. */
import type { World } from 'lockstep/sim';

export interface StormMs {
  /** Between one strike and the next, beside 50 ms: less than this. */
  readonly betweenMsMax: number;
  /** For less than this the disk is full. */
  readonly fullMsMax: number;
}

const strikes = ['crash', 'crash', 'crash at a call', 'crash at a call', 'fail', 'fill', 'none'] as const;

export async function diskStorm(world: World, node: string, { betweenMsMax, fullMsMax }: StormMs): Promise<void> {
  const { random } = world;
  for (let struck = 0; struck < 3; struck++) {
    await world.sleep(`${50 + random.below(betweenMsMax)}ms`);
    const what = random.pick(strikes);
    const kind = random.pick(['process', 'power'] as const);
    if (what === 'crash') world.crash(node, { kind, restart: '20ms' });
    else if (what === 'fail') world.disk(node).failSyncs();
    else if (what === 'fill') await fillForAWhile(world, node, fullMsMax);
    else if (what === 'crash at a call') crashAtCall(world, node, kind);
  }
  world.heal();
}

/** The disk has no space for less than this. */
export async function fillForAWhile(world: World, node: string, msMax: number): Promise<void> {
  const { random } = world;
  world.disk(node).fill(random.pick(['write', 'sync'] as const));
  await world.sleep(`${random.below(msMax)}ms`);
  world.disk(node).free();
}

/** At one of the next sixty calls by which the node changes what is around it. */
export function crashAtCall(world: World, node: string, kind: 'process' | 'power'): void {
  const { random } = world;
  const effect = world.effects(node) + 1 + random.below(60);
  world.crashAt(node, { effect, when: random.pick(['before', 'after'] as const), kind });
}

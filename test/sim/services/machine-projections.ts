/**
 * The projections of the scenario `machine`: one that commands keep up, one behind them, both of two versions of code of
 * which each node has either, and both with a handler that at times throws when it has written half of what it should.
 * At every snapshot, on whichever node, the rows of every version are what the events up to its position make.
 */
import type { World } from 'lockstep/sim';
import { readOrder } from '../../../src/machine/event-reader.ts';
import { catchUp, newestEvent } from '../../../src/machine/projection/catch-up.ts';
import { projection, type AnyProjection } from '../../../src/machine/projection/projection.ts';
import type { CatchUp } from '../../../src/machine/projection/runner.ts';
import {
  changeState,
  idOf,
  projectionsSystem,
  putState,
  rowsSystem,
  stateOf,
  statesOf,
  type ProjectionState,
} from '../../../src/machine/projection/state.ts';
import { unchecked } from '../../../src/machine/schema.ts';
import type { Snapshot } from '../../../src/partition/snapshot.ts';
import type { Bank } from './machine-app.ts';

/** `trail` shows each amount, and their order. */
interface Trail {
  readonly count: number;
  readonly trail: number;
}

/** Of all accounts together. */
const everything = '*';
/** The handler throws for it, where it does. */
const unlucky = 3;

const further = ({ count, trail }: Trail, amount: number, codeVersion: number): Trail => ({
  count: count + 1,
  trail: (trail * 31 + amount + codeVersion) % 1_000_003,
});

const none: Trail = { count: 0, trail: 0 };

/** What a node may do wrong with projections. */
export interface ProjectionBug {
  readonly catchUp?: () => CatchUp;
  /** What a handler wrote before it threw is there all the same. */
  readonly keepsHalves?: boolean;
}

export const projectionBugs: Readonly<Record<string, ProjectionBug>> = {
  'moves-a-position-outside': { catchUp: positionApart },
  'switches-before-it-has-all': { catchUp: () => switchesEarly },
  'keeps-half-of-what-a-handler-wrote': { keepsHalves: true },
};

/** Where they are is written by the transaction after that of their rows. */
function positionApart(): CatchUp {
  let later: readonly ProjectionState[] = [];
  return (tx, ...about) => {
    const space = tx.system(projectionsSystem, 'local');
    for (const state of later) putState(space, state);
    const before = statesOf(space);
    const isAll = catchUp(tx, ...about);
    later = statesOf(space);
    for (const state of before) putState(space, state);
    return isAll;
  };
}

/** After the first part of the events instead of the last. */
const switchesEarly: CatchUp = (tx, setup, takers, stretch) => {
  const isAll = catchUp(tx, setup, takers, stretch);
  for (const one of [takers.first, ...takers.others])
    if (one['~projection'].update === 'inline')
      changeState(tx, idOf(one), (state) =>
        state.stopped === null ? { ...state, phase: 'live', position: null } : state,
      );
  return isAll;
};

/** Of one node: its version of the code changes from start to start, and until things are mended it throws now and then. */
export function bankProjections(
  world: World,
  account: Bank['account'],
  { keepsHalves = false }: ProjectionBug,
): readonly AnyProjection[] {
  const codeVersion = 1 + (Math.floor(world.nowMs) % 2);
  const isBroken = (): boolean => world.nowMs < 1_500 && Math.floor(world.nowMs / 50) % 2 === 0;
  const of = (name: string, update: 'inline' | 'async'): AnyProjection => {
    const take: Taking = (key, amount, rows) => {
      rows.set(everything, further(rows.get(everything) ?? none, amount, codeVersion));
      if (amount === unlucky && codeVersion === 1 && isBroken()) {
        if (keepsHalves) return;
        throw new Error('out of luck');
      }
      rows.set(key, further(rows.get(key) ?? none, amount, codeVersion));
    };
    return projection({
      name,
      update,
      codeVersion,
      row: unchecked<Trail>(),
      from: { account },
      indexes: { byTrail: ({ count, trail }) => [count, trail] },
      on: {
        account: {
          Deposited: ({ key, data }, rows) => take(key, data.amount, rows) as undefined,
          Sent: ({ key, data }, rows) => take(key, data.amount, rows) as undefined,
          Received: ({ key, data }, rows) => take(key, data.amount, rows) as undefined,
        },
      },
    });
  };
  return [of('balances', 'inline'), of('ledger', 'async')];
}

interface Trails {
  get(key: string): Trail | undefined;
  set(key: string, row: Trail): undefined;
}
type Taking = (key: string, amount: number, rows: Trails) => void;

/** Fails the world where a version has other rows, or other entries of its index, than events make. */
export function checkProjections(world: World, snapshot: Snapshot): void {
  const events = [...readOrder(snapshot, 0, 100_000)];
  for (const state of statesOf(snapshot.system(projectionsSystem, null))) {
    const made = new Map<string, Trail>();
    for (const { machine, revision, key, events: ofCommand } of events) {
      if (machine !== 'account' || revision > (state.position ?? Infinity)) continue;
      for (const { data } of ofCommand)
        for (const row of [everything, key])
          made.set(row, further(made.get(row) ?? none, (data as { amount: number }).amount, state.codeVersion));
    }
    const space = snapshot.system(rowsSystem(state), null);
    const rows = [...space.range({ prefix: ['row'] })].map(([[, key], row]) =>
      textOf(String(key), row as Trail & object),
    );
    const entries = [...space.range({ prefix: ['index', 'byTrail'] })].map(([[, , count, trail, key]]) =>
      textOf(String(key), { count: Number(count), trail: Number(trail) }),
    );
    const expected = [...made].map(([key, row]) => textOf(key, row)).toSorted();
    const name = `${state.name}, version ${state.codeVersion}, ${state.position ?? 'inline'},`;
    for (const found of [rows, entries])
      if (String(found.toSorted()) !== String(expected))
        world.fail(`${name} has ${String(found)} and events make ${String(expected)}`);
  }
}

const textOf = (key: string, { count, trail }: Trail): string => `${key} ${count} ${trail}`;

/** The app's projections that have not all events, and those of them that are stopped. */
export function unfinished(
  snapshot: Snapshot,
  projections: readonly AnyProjection[],
): { readonly behind: number; readonly stopped: readonly string[] } {
  const newest = newestEvent(snapshot);
  const states = projections.map((one) => stateOf(snapshot.system(projectionsSystem, null), idOf(one)));
  const behind = states.filter(
    (state, at) =>
      state?.phase !== 'live' ||
      (projections[at]?.['~projection'].update === 'inline' ? state.position !== null : state.position !== newest),
  );
  return { behind: behind.length, stopped: behind.flatMap((state) => (state?.stopped ? [state.name] : [])) };
}

/**
 * A process that keeps checkpoints in a store, again and again, and what was promised to anybody: files that were
 * acknowledged are there with their content, the pointer has one history, never goes back behind what somebody saw, and
 * never shows a move that was denied.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { bytesOf, contentOf } from '../../../src/checkpoint/content.ts';
import { contentName, type FileName } from '../../../src/checkpoint/file-name.ts';
import type { CheckpointStore, Pointer } from '../../../src/checkpoint/port.ts';

export class Promised {
  readonly #world: World;
  readonly #files = new Map<FileName, Uint8Array>();
  readonly #places = new Map<number, FileName>();
  readonly #denied = new Set<FileName>();
  readonly #done = new Map<string, number>();
  #made = 0;
  newest = 0;
  movedCount = 0;
  conflictCount = 0;
  doubtCount = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** What nobody stored before: so a name stands for one attempt. */
  newContent(by: string): Uint8Array {
    const text = `${by} ${++this.#made} `;
    return new TextEncoder().encode(text.repeat(1 + this.#world.random.below(150)));
  }

  stored(name: FileName, bytes: Uint8Array): void {
    this.#files.set(name, bytes);
  }

  removed(name: FileName): void {
    this.#files.delete(name);
  }

  /** Some file that must be there. */
  someFile(): FileName | null {
    const names = [...this.#files.keys()];
    return names.length === 0 ? null : this.#world.random.pick(names);
  }

  /** `since`: the newest place that anybody had seen when the call began. */
  saw(pointer: Pointer | null, since: number): void {
    if ((pointer?.number ?? 0) < since)
      this.#world.fail(`the pointer went back from ${since} to ${pointer?.number ?? 0}`);
    if (pointer === null) return;
    const { number, to } = pointer;
    const before = this.#places.get(number) ?? to;
    if (before !== to) this.#world.fail(`place ${number} of the pointer was ${before}, and is ${to}`);
    if (this.#denied.has(to)) this.#world.fail(`a move to ${to} was denied, and is place ${number}`);
    this.#places.set(number, to);
    this.newest = Math.max(this.newest, number);
  }

  moved(pointer: Pointer): void {
    this.movedCount++;
    this.saw(pointer, 0);
  }

  denied(to: FileName): void {
    this.conflictCount++;
    if ([...this.#places.values()].includes(to)) this.#world.fail(`a move to ${to} was seen, and is denied`);
    this.#denied.add(to);
  }

  /** Another round of this process; false after so many. */
  another(by: string, countMax: number): boolean {
    const count = this.#done.get(by) ?? 0;
    this.#done.set(by, count + 1);
    return count < countMax;
  }

  async judgeFile(store: CheckpointStore, name: FileName): Promise<void> {
    const expected = this.#files.get(name);
    const found = await store.get(name);
    if (found === null && this.#files.has(name)) this.#world.fail(`${name} was stored, and is not there`);
    if (found === null || expected === undefined) return;
    const bytes = await bytesOf(found.content, 1_000_000);
    if (bytes.length !== expected.length) this.#world.fail(`${name} is not what was stored`);
  }

  async judge(store: CheckpointStore): Promise<void> {
    for (const name of this.#files.keys()) await this.judgeFile(store, name);
    const since = this.newest;
    this.saw(await store.pointer(), since);
    const listed = new Set<FileName>();
    for await (const page of store.list()) for (const { name } of page) listed.add(name);
    for (const name of this.#files.keys()) if (!listed.has(name)) this.#world.fail(`${name} is not in the list`);
  }
}

/** The bucket or the way to it failed, which says nothing of the store. */
export async function unlessPassing<T>(promised: Promised, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isLockstepError(error) || !error.retry || error.kind === 'disk-full') throw error;
    promised.doubtCount++;
    return null;
  }
}

/** Stores, moves, reads, removes, until it did so many rounds over all its lives. */
export async function keeper(
  env: Env,
  by: string,
  open: (env: Env) => Promise<CheckpointStore>,
  promised: Promised,
  roundCount: number,
): Promise<void> {
  let store: CheckpointStore | null = null;
  while (promised.another(by, roundCount)) {
    await env.sleep(`${env.randomness.below(30)}ms`);
    store ??= await unlessPassing(promised, () => open(env));
    if (store === null) continue;
    const opened = store;
    await unlessPassing(promised, () => round(env, by, opened, promised));
  }
}

async function round(env: Env, by: string, store: CheckpointStore, promised: Promised): Promise<void> {
  const bytes = promised.newContent(by);
  const name = contentName(bytes, 'sst');
  await store.put(name, contentOf(bytes));
  promised.stored(name, bytes);
  const since = promised.newest;
  const was = await store.pointer();
  promised.saw(was, since);
  const outcome = await store.point(name, was);
  if (outcome.kind === 'moved') promised.moved(outcome.pointer);
  else {
    promised.denied(name);
    promised.saw(outcome.is, since);
    if (env.randomness.below(2) === 0) {
      promised.removed(name);
      await store.remove(name);
    }
  }
  const other = promised.someFile();
  if (other !== null) await promised.judgeFile(store, other);
}

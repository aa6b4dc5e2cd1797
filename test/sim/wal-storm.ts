/**
 * What the tests of the journal share: a model that knows what was asked for and what was answered, a service that
 * writes, trims, cuts and compares, and disks of which some calls do something else.
 */
import type { Disk, Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import { simulate, SimulationFailure, type SimulateOptions, type World } from 'lockstep/sim';
import { openJournal, type Journal } from '../../src/wal/journal.ts';
import { journalPosition } from '../../src/wal/position.ts';

export const files = { directory: 'data/wal', prefix: 'j' };
export const limits = {
  segmentBytes: 8_192,
  groupBytesMax: 1_024,
  waitingBytesMax: 3_000,
  spareCountMax: 1,
  markAfterMs: 100,
};
export const encoder = new TextEncoder();
const decoder = new TextDecoder();

export type Operation =
  | { readonly kind: 'append'; readonly texts: readonly string[] }
  | { readonly kind: 'cut'; readonly to: number };

/** What may be in the journal: what was answered for, and then a beginning of what was not. */
export class Model {
  /** Position 1 is the first. */
  #texts: readonly string[] = [];
  #open: Operation[] = [];
  #count = 0;
  trimmedTo = 1;

  get texts(): readonly string[] {
    return this.#texts;
  }

  /** With everything that was asked for. */
  get newest(): readonly string[] {
    return this.#open.reduce(after, this.#texts);
  }

  text(bytes: number): string {
    return `${++this.#count}:`.padEnd(bytes, '.');
  }

  ask(operation: Operation): void {
    this.#open.push(operation);
  }

  /** It was full or refused before anything was taken. */
  takeBack(operation: Operation): void {
    this.#open = this.#open.filter((one) => one !== operation);
  }

  answered(world: World, operation: Operation): void {
    const first = this.#open.shift();
    if (first !== operation) world.fail('answers come in another order than what was asked for');
    this.#texts = after(this.#texts, operation);
  }

  /** Null if what was found may be so; it is the truth from now on. */
  found(first: number, texts: readonly string[]): string | null {
    if (first > this.trimmedTo) return `trimmed up to ${first}, asked for ${this.trimmedTo}`;
    let candidate = this.#texts;
    for (let taken = 0; taken <= this.#open.length; taken++) {
      const rest = candidate.slice(first - 1);
      if (rest.length === texts.length && rest.every((text, index) => text === texts[index])) {
        this.#texts = candidate;
        this.#open = [];
        return null;
      }
      candidate = after(candidate, this.#open[taken] ?? { kind: 'append', texts: [] });
    }
    const lost = this.#texts.slice(first - 1).find((text, index) => text !== texts[index]);
    return `found ${texts.length} entries from ${first}, answered for ${this.#texts.length}; the first to differ: ${lost?.slice(0, 9)}`;
  }
}

const after = (texts: readonly string[], operation: Operation): readonly string[] =>
  operation.kind === 'cut' ? texts.slice(0, operation.to) : [...texts, ...operation.texts];

export async function readAll(journal: Journal, bytesMax: number): Promise<readonly string[]> {
  const reader = journal.reader(journal.first);
  const texts: string[] = [];
  for (;;) {
    const batch = await reader.next(bytesMax);
    if (batch.kind !== 'entries') return texts;
    for (const entry of batch.entries) texts.push(decoder.decode(entry));
  }
}

export interface Plan {
  readonly rounds: number;
  readonly trims: boolean;
  readonly cuts: boolean;
  /** What the journal is given for a disk; the planted bugs. */
  readonly disk?: (disk: Disk) => Disk;
}

export const openRight = (env: Env): Promise<Journal | null> => openJournal(env, { ...files, create: true, limits });

/** Of a journal that is never cut. */
export const openAtEnd = (env: Env): Promise<Journal | null> =>
  openJournal(env, { ...files, create: true, limits, reading: 'end' });

/** Opens, compares, appends, trims and cuts, reads; from its start again after each crash. */
export async function writer(world: World, env: Env, model: Model, plan: Plan): Promise<void> {
  const disk = plan.disk?.(env.disk) ?? env.disk;
  const opening = (plan.cuts ? openRight : openAtEnd)({ ...env, disk });
  const journal = await opening.catch((error: unknown) => undamaged(world, error));
  if (journal === null) throw new Error('it is created');
  const { randomness } = env;
  const reading = readAll(journal, 1 + randomness.below(2_000));
  const texts = await reading.catch((error: unknown) => undamaged(world, error));
  const problem = model.found(journal.first, texts);
  if (problem !== null) world.fail(problem);
  let failed: unknown = null;
  const perform = async (operation: Operation, work: () => Promise<{ kind: string } | string>): Promise<void> => {
    model.ask(operation);
    try {
      const outcome = await work();
      if (typeof outcome === 'object' && outcome.kind === 'full') {
        model.takeBack(operation);
        await journal.room();
      } else model.answered(world, operation);
    } catch (error) {
      // It is behind an append that was full.
      if (operation.kind === 'cut' && isLockstepError(error, 'misuse')) model.takeBack(operation);
      else failed = error;
      if (isLockstepError(error, 'unavailable')) model.takeBack(operation);
    }
  };
  for (let round = 0; round < plan.rounds && failed === null; round++) {
    const under: Promise<void>[] = [];
    for (let count = 1 + randomness.below(6); count > 0; count--) {
      const texts = Array.from({ length: 1 + randomness.below(3) }, () => model.text(randomness.below(300)));
      const entries = texts.map((text) => encoder.encode(text));
      under.push(perform({ kind: 'append', texts }, () => journal.append(entries)));
      if (plan.cuts && randomness.below(12) === 0) {
        const { length } = model.newest;
        const to = Math.max(journal.first - 1, model.trimmedTo - 1, length - randomness.below(12));
        if (to <= length) under.push(perform({ kind: 'cut', to }, () => journal.cutAfter(journalPosition(to))));
      }
    }
    if (plan.trims && randomness.below(4) === 0) {
      model.trimmedTo = Math.max(model.trimmedTo, 1 + randomness.below(model.texts.length + 1));
      under.push(journal.trimBefore(journalPosition(model.trimmedTo)).catch((error: unknown) => void (failed = error)));
    }
    if (randomness.below(3) > 0) await Promise.all(under);
    if (randomness.below(8) === 0) await env.sleep('300ms');
    if (randomness.below(8) === 0) await readAll(journal, 700);
    await Promise.all(under);
  }
  await journal.close();
  // The end of the process, and another start of it: as a supervisor would.
  if (failed !== null) throw ofDisk(failed);
}

/** What the disk said when it failed an append. */
export const ofDisk = (error: unknown): unknown =>
  isLockstepError(error, 'unknown') || isLockstepError(error, 'unavailable') ? error.cause : error;

function undamaged(world: World, error: unknown): never {
  if (isLockstepError(error, 'corrupt')) world.fail(`nothing is damaged, and yet: ${error.message}`);
  throw error;
}

export const scenario =
  (plan: Plan) =>
  async (world: World): Promise<void> => {
    const model = new Model();
    const done = world.run('writer', (env) => writer(world, env, model, plan));
    await world.sleep('3s');
    world.heal(); // it may be killed faster than it can do its rounds
    await done;
    world.crash('writer', { kind: 'power', restart: '10ms' });
    await world.run('judge', (env) => writer(world, env, model, { ...plan, rounds: 0 }), { on: 'writer' });
  };

export async function find(
  options: SimulateOptions,
  run: (world: World) => Promise<void>,
): Promise<SimulationFailure | null> {
  try {
    await simulate(options, run);
    return null;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

export const everything: Plan = { rounds: 25, trims: true, cuts: true };

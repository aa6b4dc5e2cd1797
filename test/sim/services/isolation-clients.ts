/**
 * Clients of one tree in one process that crashes: their transactions, written down for the checker as what was asked
 * and what was told, and readers of snapshots of several ages. What nobody was told stays unknown.
 */
import type { TransactionStepDone } from 'lockstep/check';
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import type { StoredTree } from '../../../src/storage/open-tree.ts';
import type { Isolation, TreeTransaction } from '../../../src/storage/transaction/transaction.ts';
import type { TreeSnapshot } from '../../../src/storage/tree-readers.ts';
import { openFor, type IsolationBug, type IsolationOptions } from './isolation-bugs.ts';
import type { AskedTransaction, IsolationKnown } from './isolation-known.ts';
import {
  allReads,
  bankTotal,
  callOf,
  carryOut,
  openBank,
  randomSteps,
  totalOf,
  type Reader,
  type Step,
  type Writer,
} from './isolation-steps.ts';
import { decoded } from './tree-model.ts';
import { pass } from './tree-plan.ts';

const directory = 'data/tree';

export interface IsolationPlan {
  readonly options: IsolationOptions;
  /** What is asked for and judged. */
  readonly mode: Isolation;
  readonly bug: IsolationBug;
}

/** A transaction's function that gives up what it wrote; what it had read it tells. */
class GaveUp extends Error {
  readonly read: readonly TransactionStepDone[];

  constructor(read: readonly TransactionStepDone[]) {
    super('it gave up');
    this.read = read;
  }
}

type Ended = (done: readonly TransactionStepDone[]) => readonly TransactionStepDone[];

/** What it read before it wrote is what others had written, also when it takes its own writes back. */
function readBefore(done: readonly TransactionStepDone[]): readonly TransactionStepDone[] {
  const first = done.findIndex(({ kind }) => kind !== 'read');
  return first === -1 ? done : done.slice(0, first);
}

/** From its start again and again. */
export async function runClients(world: World, env: Env, known: IsolationKnown, plan: IsolationPlan): Promise<void> {
  while (!known.enough) {
    try {
      const tree = await openFor(env, directory, plan.options, plan.bug);
      await new ProcessLife(world, env, known, tree, plan).live();
    } catch (error) {
      pass(world, error);
    }
    await env.sleep(`${10 + env.randomness.below(60)}ms`);
  }
}

/** Opens what is there, and reads all of it as one last transaction. */
export async function readAll(world: World, env: Env, known: IsolationKnown, plan: IsolationPlan): Promise<void> {
  const tree = await openFor(env, directory, plan.options, plan.bug);
  const life = new ProcessLife(world, env, known, tree, plan);
  await life.prepare();
  life.look();
  await tree.close();
}

interface Held {
  readonly snapshot: TreeSnapshot;
  readonly takenAt: number;
  readonly maxAgeMs: number;
  /** Its reads as a transaction of the history; null once they are told, or where it shows the past. */
  pending: AskedTransaction | null;
}

const readerOf = (from: TreeSnapshot | StoredTree): Reader => ({
  get: (key) => from.get(key),
  range: (options) => from.scan(options),
});

/** It only reads. */
const noWriter = (reader: Reader): Writer => {
  const refuse = (): never => {
    throw new Error('a snapshot is not written to');
  };
  return { ...reader, put: refuse, delete: refuse, deleteRange: refuse };
};

class ProcessLife {
  readonly #world: World;
  readonly #env: Env;
  readonly #known: IsolationKnown;
  readonly #tree: StoredTree;
  readonly #plan: IsolationPlan;
  readonly #held = new Set<Held>();
  #error: { readonly error: unknown } | null = null;

  constructor(world: World, env: Env, known: IsolationKnown, tree: StoredTree, plan: IsolationPlan) {
    this.#world = world;
    this.#env = env;
    this.#known = known;
    this.#tree = tree;
    this.#plan = plan;
  }

  async prepare(): Promise<void> {
    await this.#tree.transact(openBank);
  }

  async live(): Promise<void> {
    const { random } = this.#world;
    try {
      await this.prepare();
      const clients = Array.from({ length: 4 + random.below(3) }, () => this.#client());
      await Promise.all([...clients, this.#readers(), ...(random.chance(0.2) ? [this.#closeSoon()] : [])]);
    } finally {
      for (const { snapshot } of this.#held) snapshot[Symbol.dispose]();
      await this.#tree.close();
    }
    if (this.#error !== null) throw this.#error.error;
  }

  get #isOver(): boolean {
    return this.#known.enough || this.#error !== null;
  }

  /** In the middle of everything. */
  async #closeSoon(): Promise<void> {
    await this.#env.sleep(`${20 + this.#world.random.below(200)}ms`);
    if (!this.#isOver) await this.#tree.close();
  }

  async #client(): Promise<void> {
    const { random } = this.#world;
    const process = this.#known.newProcess('client');
    for (let count = 3 + random.below(20); count > 0 && !this.#isOver; count--) {
      await this.transact(process, randomSteps(this.#world, this.#known.newValue));
      if (random.chance(0.4)) await this.#env.sleep(`${random.below(12)}ms`);
    }
  }

  /** One transaction, from its question to its answer. An error of the tree ends this life. */
  async transact(process: string, steps: readonly Step[]): Promise<void> {
    const { random } = this.#world;
    const known = this.#known;
    const pending = known.invoke(process, callOf(steps));
    const isAlone = random.chance(0.2);
    const gaveUp = random.chance(0.06);
    const ended = (done: readonly TransactionStepDone[]): readonly TransactionStepDone[] => {
      if (gaveUp) throw new GaveUp(readBefore(done));
      pending.done(done);
      return done;
    };
    const { mode, bug } = this.#plan;
    try {
      const outcome = await this.#tree.transact(
        (tx) => (isAlone ? this.#alone(tx, steps, ended) : this.#waiting(tx, steps, ended)),
        {
          isolation: bug.runsAs ?? mode,
          readOnly:
            callOf(steps).every(({ kind }) => kind === 'read') &&
            !steps.some(({ kind }) => kind === 'transfer') &&
            random.chance(0.3),
          attempts: 1 + random.below(4),
          withinMs: random.chance(0.1) ? 5 + random.below(30) : 5_000,
        },
      );
      if (outcome.kind === 'conflict') {
        known.conflicts[outcome.reason]++;
        if (outcome.explain === '' || (outcome.reason === 'changed') !== (outcome.key !== null))
          this.#world.fail(`a conflict does not say why: ${JSON.stringify(outcome)}`);
        pending.fail();
        return;
      }
      pending.ok(outcome.value);
      this.#committed(outcome.revision, outcome.value);
    } catch (error) {
      if (error instanceof GaveUp) {
        pending.ok(error.read);
        return;
      }
      if (!isLockstepError(error)) throw error;
      if (error.happened === 'no') pending.fail();
      else pending.info();
      if (error.kind === 'unavailable') return; // its deadline has come
      this.#error ??= { error };
    }
  }

  #committed(revision: number, steps: readonly TransactionStepDone[]): void {
    const known = this.#known;
    known.committed++;
    if (steps.every(({ kind }) => kind === 'read')) return;
    if (known.revisions.has(revision)) this.#world.fail(`two transactions have revision ${revision}`);
    known.revisions.add(revision);
  }

  readonly #judgeTotal = (total: number): void => {
    if (total !== bankTotal) this.#world.fail(`the bank has ${total}, not ${bankTotal}`);
  };

  #alone(tx: TreeTransaction, steps: readonly Step[], ended: Ended): readonly TransactionStepDone[] {
    const work = carryOut(tx, steps, this.#judgeTotal);
    for (let next = work.next(); ; next = work.next()) if (next.done === true) return ended(next.value);
  }

  async #waiting(tx: TreeTransaction, steps: readonly Step[], ended: Ended): Promise<readonly TransactionStepDone[]> {
    const { random } = this.#world;
    const pauseMs = random.chance(0.12) ? 250 : 6; // some last longer than what is kept in memory
    const work = carryOut(tx, steps, this.#judgeTotal);
    for (let next = work.next(); ; next = work.next()) {
      if (random.chance(0.5)) await this.#env.sleep(`${random.below(pauseMs)}ms`);
      if (next.done === true) return ended(next.value);
    }
  }

  /** Snapshots come and go; the tree is flushed and compacted meanwhile. */
  async #readers(): Promise<void> {
    const { random } = this.#world;
    for (let count = 5 + random.below(60); count > 0 && !this.#isOver; count--) {
      await this.#env.sleep(`${random.below(15)}ms`);
      if (this.#isOver) return;
      try {
        if (random.chance(0.5)) this.#take();
        for (const held of [...this.#held]) if (random.chance(0.3)) this.#look(held);
        if (random.chance(0.15)) this.look();
        if (random.chance(0.08)) await this.#tree.flush();
        if (random.chance(0.04)) await this.#tree.compact();
      } catch (error) {
        if (!isLockstepError(error)) throw error;
        this.#error ??= { error };
      }
    }
  }

  #take(): void {
    const { random } = this.#world;
    if (this.#held.size >= 4) return;
    const { revision, floor } = this.#tree;
    const maxAgeMs = random.chance(0.2) ? 1 + random.below(60) : 60_000;
    const isPast = random.chance(0.4) && floor < revision;
    const at = isPast ? Math.max(floor, revision - random.below(20)) : revision;
    if (random.chance(0.2)) this.#mustRefuse(random.chance(0.5) && floor > 0 ? floor - 1 : revision + 1);
    const snapshot = this.#tree.snapshot(isPast ? { at, maxAgeMs } : { maxAgeMs });
    const pending = isPast ? null : this.#known.invoke(this.#known.newProcess('reader'), callOf(allReads));
    this.#held.add({ snapshot, takenAt: this.#env.clock.now(), maxAgeMs, pending });
  }

  /** Its versions are not there any more, or not yet. */
  #mustRefuse(at: number): void {
    try {
      this.#tree.snapshot({ at })[Symbol.dispose]();
    } catch (error) {
      if (isLockstepError(error, 'invalid')) return;
      throw error;
    }
    this.#world.fail(`a snapshot of revision ${at} is given, between ${this.#tree.floor} and ${this.#tree.revision}`);
  }

  #look(held: Held): void {
    const { random } = this.#world;
    const { snapshot, takenAt, maxAgeMs } = held;
    const isOld = this.#env.clock.now() - takenAt >= maxAgeMs;
    try {
      const done = this.#read(readerOf(snapshot), snapshot.revision);
      held.pending?.ok(done);
      held.pending = null;
    } catch (error) {
      if (!isOld || !isLockstepError(error, 'stopped')) throw error;
      this.#known.expired++;
      this.#held.delete(held);
      return;
    }
    if (random.chance(0.7)) return;
    snapshot[Symbol.dispose]();
    this.#held.delete(held);
  }

  /** Everything there is now, without a snapshot. */
  look(): void {
    const pending = this.#known.invoke(this.#known.newProcess('passer'), callOf(allReads));
    pending.ok(this.#read(readerOf(this.#tree), this.#tree.revision));
  }

  /** Everything that it shows; the same as whoever else read this revision, at whatever time. */
  #read(reader: Reader, revision: number): readonly TransactionStepDone[] {
    const text = [...reader.range({})].map((pair) => pair.map(decoded).join('=')).join(' ');
    const before = this.#known.textAt.get(revision);
    if (before !== undefined && before !== text)
      this.#world.fail(`revision ${revision} reads ${text}, and was ${before}`);
    this.#known.textAt.set(revision, text);
    if (text === '') return []; // it is of the time before the bank was opened, which came first
    this.#judgeTotal(totalOf(reader));
    const work = carryOut(noWriter(reader), allReads, this.#judgeTotal);
    for (let next = work.next(); ; next = work.next()) if (next.done === true) return next.value;
  }
}

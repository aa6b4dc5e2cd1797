/**
 * A tree as a partition uses it: the log, which is elsewhere, is the write-ahead log. Batches are applied before they
 * are durable, cut when another leads, and applied again from the log after a crash. Readers hold any revision from
 * the floor on, and walk it both ways.
 */
import type { Env } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { openTreeCore, type HeldCursor, type Tree } from '../../../src/storage/tree.ts';
import { wrongInManifest, wrongInTables } from './tree-files.ts';
import {
  batchOf,
  decoded,
  difference,
  encoded,
  pairsOf,
  randomBounds,
  randomKey,
  randomWrites,
  TreeHistory,
  type Bounds,
  type Pair,
  type View,
  type Write,
} from './tree-model.ts';
import { pass, type TreePlan } from './tree-plan.ts';

const directory = 'data/partition';

/** The log: records of several revisions, each at its position, counted from 1. It survives crashes. */
export class PartitionLog {
  readonly history = new TreeHistory(0);
  readonly batches: (readonly Write[])[] = [];
  /** Of each record its last revision. */
  readonly records: number[] = [];
  /** A record is being appended: it may be there after a crash. */
  isAppending = false;
  enough = false;
  /** How much was ever durable, for the scenario to see that things go on. */
  durableCount = 0;

  get durable(): number {
    return this.records.at(-1) ?? -1;
  }

  push(writes: readonly Write[]): number {
    this.batches.push(writes);
    this.history.push(writes);
    return this.batches.length - 1;
  }

  /** What is in no record is gone. */
  cut(): void {
    this.batches.length = this.durable + 1;
    this.history.cutAfter(this.durable);
  }
}

export async function runPartition(world: World, env: Env, log: PartitionLog, plan: TreePlan): Promise<void> {
  // Of a record that was under way nobody knew; now the log tells.
  if (log.isAppending && world.random.chance(0.5)) log.records.pop();
  log.isAppending = false;
  while (!log.enough) {
    log.cut();
    const ports = plan.env(env);
    const { options } = plan;
    try {
      const tree = await openTreeCore({ ports, directory, options }, true);
      if (tree === null) throw new Error('it is made');
      await new PartitionUse(world, env, log, tree, plan).use();
    } catch (error) {
      pass(world, error);
    }
    await env.sleep(`${10 + env.randomness.below(100)}ms`);
  }
}

const viewAt = (tree: Tree, revision: number): View => ({
  get: (key) => {
    const found = tree.find(key, 0, key.length, revision);
    return found === null ? undefined : found.bytes.slice(found.start, found.end);
  },
  *pairs(bounds, reverse) {
    const held = walk(tree, revision, bounds);
    const { cursor } = held;
    for (reverse ? cursor.last() : cursor.first(); cursor.valid; reverse ? cursor.previous() : cursor.next())
      yield [
        cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd),
        cursor.valueBytes.slice(cursor.valueStart, cursor.valueEnd),
      ] as const;
    held.release();
  },
});

const walk = (tree: Tree, revision: number, { from, to }: Bounds): HeldCursor =>
  tree.walk(revision, { from: from === null ? null : encoded(from), to: to === null ? null : encoded(to) });

/** A walk that stays open: where it stands in what it must show; -1: nowhere. */
interface Walker {
  readonly revision: number;
  readonly held: HeldCursor;
  readonly pairs: readonly Pair[];
  at: number;
}

class PartitionUse {
  readonly #world: World;
  readonly #env: Env;
  readonly #log: PartitionLog;
  readonly #tree: Tree;
  readonly #plan: TreePlan;
  readonly #walkers: Walker[] = [];
  /** Revisions that are read now and again. */
  readonly #held: number[] = [];
  readonly #errors: unknown[] = [];
  readonly #under = new Set<Promise<void>>();

  constructor(world: World, env: Env, log: PartitionLog, tree: Tree, plan: TreePlan) {
    this.#world = world;
    this.#env = env;
    this.#log = log;
    this.#tree = tree;
    this.#plan = plan;
  }

  async use(): Promise<void> {
    const { random } = this.#world;
    this.#expect(wrongInManifest(this.#env.disk, directory, true));
    this.#replay();
    this.#check();
    for (let round = random.below(80); round > 0 && this.#errors.length === 0 && !this.#log.enough; round--)
      await this.#round();
    this.#check();
    for (const { held } of this.#walkers) held.release();
    await this.#tree.close();
    await Promise.all(this.#under);
    for (const error of this.#errors) pass(this.#world, error);
    this.#expect(wrongInManifest(this.#env.disk, directory, false));
    if (random.chance(0.2)) this.#expect(await wrongInTables(this.#env, directory));
  }

  /** From the record behind the flushed position on; sometimes from further back. */
  #replay(): void {
    const { records, batches, durable } = this.#log;
    const { revision, position } = this.#tree.flushed;
    if (revision > durable) this.#world.fail(`flushed up to ${revision}, and the log has it up to ${durable}`);
    const covered = records[position - 1] ?? -1;
    if (covered > revision) this.#world.fail(`position ${position} ends at ${covered}, flushed is ${revision}`);
    const from = this.#world.random.chance(0.8) ? position : this.#world.random.below(position + 1);
    for (let at = from; at < records.length; at++) {
      const last = records[at] as number;
      for (let one = (records[at - 1] ?? -1) + 1; one <= last; one++)
        this.#apply(one, batches[one] as readonly Write[]);
      this.#tree.setDurable(last, at + 1);
    }
    if (this.#tree.revision !== durable && this.#log.batches.length > 0)
      this.#world.fail(`after the replay it is at ${this.#tree.revision}, not at ${durable}`);
  }

  #apply(revision: number, writes: readonly Write[]): void {
    this.#tree.apply(revision, batchOf(writes).view());
    if (this.#plan.flushesEarly) this.#tree.background.setDurable(revision, this.#log.records.length);
  }

  async #round(): Promise<void> {
    const { random } = this.#world;
    const tree = this.#tree;
    if (tree.background.sealed.length < 4)
      for (let count = random.below(8); count > 0; count--) {
        const writes = random.chance(0.1) ? [] : randomWrites(this.#world);
        this.#apply(this.#log.push(writes), writes);
      }
    if (random.chance(0.1)) tree.seal();
    if (random.chance(0.6)) await this.#append();
    if (random.chance(0.08)) this.#fence();
    if (random.chance(0.5)) this.#moveFloor();
    if (random.chance(0.5)) this.#walkOn();
    if (random.chance(0.2)) this.#walk();
    if (random.chance(0.25)) this.#check();
    if (random.chance(0.15) && this.#held.length < 3 && tree.revision >= 0) this.#held.push(this.#readable());
    if (random.chance(0.1)) this.#held.splice(random.below(3), 1);
    if (random.chance(0.04)) this.#run(tree.background.compactRange(null));
    if (random.chance(0.3)) await this.#env.sleep(`${random.below(30)}ms`);
    if (tree.background.failure !== null) this.#fail(tree.background.failure);
  }

  /** One record with everything that was applied, or a part of it. */
  async #append(): Promise<void> {
    const log = this.#log;
    const count = log.batches.length - 1 - log.durable;
    if (count === 0) return;
    log.records.push(log.durable + 1 + this.#world.random.below(count));
    log.isAppending = true;
    await this.#env.sleep(`${this.#world.random.below(10)}ms`);
    log.isAppending = false;
    log.durableCount++;
    this.#tree.setDurable(log.durable, log.records.length);
  }

  /** Another leads: what is not durable never was. */
  #fence(): void {
    const { durable } = this.#log;
    this.#dropWhere((revision) => revision > durable);
    this.#tree.cutAfter(durable);
    this.#log.cut();
    this.#check();
  }

  #dropWhere(isGone: (revision: number) => boolean): void {
    for (const one of this.#walkers.filter(({ revision }) => isGone(revision))) {
      one.held.release();
      this.#walkers.splice(this.#walkers.indexOf(one), 1);
    }
    for (const one of this.#held.filter(isGone)) this.#held.splice(this.#held.indexOf(one), 1);
  }

  #moveFloor(): void {
    const { random } = this.#world;
    const read = [...this.#walkers.map(({ revision }) => revision), ...this.#held];
    const floor = Math.min(this.#log.durable - (random.chance(0.5) ? 0 : random.below(20)), ...read);
    if (floor > this.#tree.floor) this.#tree.setFloor(floor);
  }

  /** Any revision that can be read now. */
  #readable(): number {
    const { random } = this.#world;
    const { floor, revision } = this.#tree;
    if (revision <= floor || random.chance(0.3)) return Math.max(revision, 0);
    return floor + random.below(revision - floor + 1);
  }

  #walk(): void {
    if (this.#walkers.length > 2 || this.#tree.revision < 0) return;
    const bounds = randomBounds(this.#world);
    const revision = this.#readable();
    const walked = walk(this.#tree, revision, bounds);
    if (this.#plan.releasesEarly) walked.release();
    const held = this.#plan.releasesEarly ? { cursor: walked.cursor, release: () => {} } : walked;
    this.#walkers.push({ revision, held, pairs: pairsOf(this.#log.history.at(revision), bounds), at: -1 });
  }

  /** Some steps either way, or to another place. */
  #walkOn(): void {
    const { random } = this.#world;
    const one = random.pick([...this.#walkers, null]);
    if (one === null) return;
    const { cursor } = one.held;
    const { pairs } = one;
    for (let steps = random.below(12); steps > 0; steps--) {
      const how = one.at < 0 ? random.pick(['first', 'last', 'seek'] as const) : random.pick(steady);
      if (how === 'seek') {
        const key = randomKey(this.#world);
        cursor.seek(encoded(key));
        one.at = pairs.findIndex(([other]) => other >= key);
      } else {
        cursor[how]();
        if (how === 'first') one.at = pairs.length > 0 ? 0 : -1;
        else if (how === 'last') one.at = pairs.length - 1;
        else one.at = how === 'next' ? (one.at + 1) % pairs.length || -1 : one.at - 1;
      }
      const shown = cursor.valid ? decoded(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd)) : null;
      const value = cursor.valid ? decoded(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd)) : null;
      const [key, expected] = pairs[one.at] ?? [null, null];
      if (shown !== key || value !== expected)
        this.#world.fail(
          `a walk at revision ${one.revision} (${how}) shows ${shown}: ${value}, not ${key}: ${expected}`,
        );
    }
  }

  #check(): void {
    for (const revision of [this.#readable(), ...this.#held]) {
      const found = difference(this.#world, viewAt(this.#tree, revision), this.#log.history.at(revision));
      if (found !== null) this.#world.fail(`at revision ${revision} ${found}`);
    }
    this.#expect(wrongInManifest(this.#env.disk, directory, false));
    const { manifest } = this.#tree.background;
    if (manifest.flushedRevision > this.#log.durable)
      this.#world.fail(`${manifest.flushedRevision} was flushed, and ${this.#log.durable} is durable`);
    const oldest = Math.min(...this.#held, ...this.#walkers.map(({ revision }) => revision));
    if (manifest.floor > oldest) this.#world.fail(`the floor is ${manifest.floor}, and ${oldest} is read`);
  }

  #run(step: Promise<void>): void {
    const done = step.catch((error: unknown) => this.#fail(error)).finally(() => this.#under.delete(done));
    this.#under.add(done);
  }

  /** Told by whoever is still there to tell it: what a crash breaks off fails too. */
  #fail(error: unknown): void {
    this.#errors.push(error);
  }

  #expect(wrong: string | null): void {
    if (wrong !== null) this.#world.fail(wrong);
  }
}

const steady = ['next', 'next', 'next', 'next', 'previous', 'previous', 'previous', 'seek'] as const;

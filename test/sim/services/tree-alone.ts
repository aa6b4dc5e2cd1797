/**
 * A tree with a journal of its own, used by a process that crashes: several writers at once, snapshots and scans held
 * over flushes and compactions. What was acknowledged is there; of what was under way in a crash a beginning may be.
 */
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { openTree, type StoredTree } from '../../../src/storage/open-tree.ts';
import type { Scan, ScanOptions } from '../../../src/storage/scan.ts';
import type { TreeTransaction } from '../../../src/storage/transaction/transaction.ts';
import type { TreeSnapshot } from '../../../src/storage/tree-readers.ts';
import { wrongInManifest, wrongInTables } from './tree-files.ts';
import {
  batchOf,
  decoded,
  difference,
  differs,
  encoded,
  pairsOf,
  randomBounds,
  randomKey,
  randomWrites,
  TreeHistory,
  type Bounds,
  type Pair,
  type State,
  type View,
  type Write,
} from './tree-model.ts';
import { orderOf } from './tree-order.ts';
import { pass, type TreePlan } from './tree-plan.ts';

const directory = 'data/tree';
export const tables = `${directory}/tables`;

interface Asked {
  readonly writes: readonly Write[];
}

/** What all who ever used the tree know of it. It survives crashes. */
export class Acknowledged {
  readonly history = new TreeHistory(1);
  /** Under way, or nobody knows: in the order of asking. */
  readonly open = new Set<Asked>();
  /** Acknowledged before one that has a lower revision. */
  readonly #early = new Map<number, Asked>();
  enough = false;

  acknowledge(asked: Asked, revision: number): string | null {
    if (revision <= this.history.revision) return `revision ${revision} is given twice`;
    this.open.delete(asked);
    this.#early.set(revision, asked);
    for (let next = this.#early.get(this.history.revision + 1); next !== undefined;) {
      this.#early.delete(this.history.revision + 1);
      this.history.push(next.writes);
      next = this.#early.get(this.history.revision + 1);
    }
    return null;
  }

  /** A process opens it anew: null if what it finds may be so; it is the truth from now on. */
  found(revision: number, state: State): string | null {
    const { history } = this;
    if (this.#early.size > 0) return `a revision before ${[...this.#early.keys()][0]} was never acknowledged`;
    const extra = Math.max(revision, 0) - history.revision; // -1: nothing was ever written
    if (extra < 0) return `it ends at revision ${revision}, and ${history.revision} was acknowledged`;
    const open = [...this.open].map(({ writes }) => writes);
    const order = orderOf(history.at(history.revision), open, extra, state);
    if (order === null) return `what it holds at revision ${revision} nobody wrote (${history.revision} is known)`;
    for (const index of order) history.push(open[index] as readonly Write[]);
    this.open.clear();
    return null;
  }
}

const scanOptions = ({ from, to }: Bounds, reverse: boolean): ScanOptions => ({
  from: from === null ? undefined : encoded(from),
  to: to === null ? undefined : encoded(to),
  reverse,
});

const viewOf = (tree: Pick<StoredTree, 'get' | 'scan'>): View => ({
  get: (key) => tree.get(key),
  pairs: (bounds, reverse) => tree.scan(scanOptions(bounds, reverse)),
});

/** A key, and all within bounds, as text. */
const seenIn = (state: State, key: string, bounds: Bounds): string =>
  JSON.stringify([state.get(key) ?? null, pairsOf(state, bounds)]);

function seenBy(tx: TreeTransaction, key: string, bounds: Bounds): string {
  const value = tx.get(encoded(key));
  const pairs = [...tx.range(scanOptions(bounds, false))].map(([at, one]) => [decoded(at), decoded(one)]);
  return JSON.stringify([value === undefined ? null : decoded(value), pairs]);
}

function writeTo(tx: TreeTransaction, write: Write): void {
  if (write.kind === 'put') tx.put(encoded(write.key), encoded(write.value));
  else if (write.kind === 'delete') tx.delete(encoded(write.key));
  else tx.deleteRange(encoded(write.from), encoded(write.to));
}

/** From its start again and again. */
export async function runAlone(world: World, env: Env, known: Acknowledged, plan: TreePlan): Promise<void> {
  while (!known.enough) {
    try {
      const tree = await openTree(plan.env(env), directory, plan.options);
      if (tree === null) throw new Error('it is made');
      await new AloneUse(world, env, known, tree).use();
    } catch (error) {
      pass(world, error);
    }
    await env.sleep(`${10 + env.randomness.below(100)}ms`);
  }
}

/** One opening of it. */
class AloneUse {
  readonly #world: World;
  readonly #env: Env;
  readonly #known: Acknowledged;
  readonly #tree: StoredTree;
  readonly #under = new Set<Promise<void>>();
  readonly #snapshots: TreeSnapshot[] = [];
  readonly #scans: { readonly scan: Scan; readonly left: Pair[] }[] = [];
  readonly #errors: unknown[] = [];

  constructor(world: World, env: Env, known: Acknowledged, tree: StoredTree) {
    this.#world = world;
    this.#env = env;
    this.#known = known;
    this.#tree = tree;
  }

  async use(): Promise<void> {
    const { random } = this.#world;
    const [tree, known] = [this.#tree, this.#known];
    this.#expect(wrongInManifest(this.#env.disk, tables, false));
    const all = viewOf(tree).pairs({ from: null, to: null }, false);
    const decoder = new TextDecoder();
    const state = new Map([...all].map(([key, value]) => [decoder.decode(key), decoder.decode(value)]));
    this.#expect(known.found(tree.revision, state));
    for (let round = random.below(60); round > 0 && this.#errors.length === 0 && !known.enough; round--)
      await this.#round();
    if (random.chance(0.5)) {
      await Promise.all(this.#under);
      this.#allIsKnown();
    }
    await this.#end();
  }

  /** Nothing is under way: what can be read is what was acknowledged, and nothing of what nobody knows. */
  #allIsKnown(): void {
    const { revision } = this.#known.history;
    if (Math.max(0, this.#tree.revision) !== revision)
      this.#world.fail(`it is at revision ${this.#tree.revision}, and ${revision} was acknowledged`);
  }

  async #end(): Promise<void> {
    const { random } = this.#world;
    this.#check();
    if (random.chance(0.5)) for (const { scan } of this.#scans.splice(0)) scan.return();
    await this.#tree.close();
    for (const { scan, left } of this.#scans) {
      if (random.chance(0.5)) this.#mustStop(scan, left.length);
      scan.return();
    }
    for (const snapshot of this.#snapshots) snapshot[Symbol.dispose]();
    await Promise.all(this.#under);
    for (const error of this.#errors) pass(this.#world, error);
    this.#expect(wrongInManifest(this.#env.disk, tables, false));
    if (random.chance(0.2)) this.#expect(await wrongInTables(this.#env, tables));
  }

  /** A scan of a closed tree says so, or that it had ended before. */
  #mustStop(scan: Scan, left: number): void {
    try {
      const { done } = scan.next();
      if (done !== true || left > 0) this.#world.fail('a scan goes on after the tree was closed');
    } catch (error) {
      if (!isLockstepError(error, 'stopped')) throw error;
    }
  }

  async #round(): Promise<void> {
    const { random } = this.#world;
    const tree = this.#tree;
    for (let count = random.below(6); count > 0; count--) this.#write();
    if (this.#under.size > 5 || random.chance(0.7)) await Promise.race([...this.#under, this.#env.sleep('100ms')]);
    if (random.chance(0.3)) await this.#env.sleep(`${random.below(30)}ms`);
    if (random.chance(0.5)) this.#walkOn();
    if (random.chance(0.25)) this.#check();
    if (random.chance(0.05)) this.#run(tree.flush());
    if (random.chance(0.04)) this.#run(tree.compact(random.chance(0.5) ? null : this.#range()));
    if (random.chance(0.1)) this.#run(tree.touch([encoded('key/000'), encoded('key/031')]));
    if (random.chance(0.12) && this.#snapshots.length < 3) this.#snapshots.push(tree.snapshot());
    if (random.chance(0.1)) this.#snapshots.splice(random.below(3), 1)[0]?.[Symbol.dispose]();
    if (random.chance(0.15) && this.#scans.length < 3) this.#scan();
  }

  #range() {
    const { from, to } = randomBounds(this.#world);
    return { smallest: encoded(from ?? 'key/010'), largest: encoded(to ?? 'key/080') };
  }

  #run(step: Promise<void>): void {
    const done = step.catch((error: unknown) => this.#fail(error)).finally(() => this.#under.delete(done));
    this.#under.add(done);
  }

  /** Told by whoever is still there to tell it: what a crash breaks off fails too. */
  #fail(error: unknown): void {
    this.#errors.push(error);
  }

  #write(): void {
    const asked = { writes: randomWrites(this.#world) };
    const { open } = this.#known;
    open.add(asked);
    const step = async (): Promise<void> => {
      try {
        if (open.size < 6 && this.#world.random.chance(0.4)) return await this.#transact(asked);
        const revision = await this.#tree.write(batchOf(asked.writes));
        this.#expect(this.#known.acknowledge(asked, revision));
      } catch (error) {
        if (isLockstepError(error) && error.kind !== 'unknown') open.delete(asked);
        throw error;
      }
    };
    this.#run(step());
  }

  /** Alone or optimistic: what it read is what lay there right before it. */
  async #transact(asked: Asked): Promise<void> {
    const { random } = this.#world;
    const key = randomKey(this.#world);
    const bounds = randomBounds(this.#world);
    const { open } = this.#known;
    const alone = (tx: TreeTransaction): string => {
      open.add(asked);
      const seen = seenBy(tx, key, bounds);
      for (const write of asked.writes) writeTo(tx, write);
      return seen;
    };
    const waiting = async (tx: TreeTransaction): Promise<string> => {
      open.delete(asked); // it cannot be there before it has written
      const seen = seenBy(tx, key, bounds);
      await this.#env.sleep(`${random.below(20)}ms`);
      if (seenBy(tx, key, bounds) !== seen) this.#world.fail('a transaction saw two moments');
      return alone(tx);
    };
    const outcome = await this.#tree.transact(random.chance(0.5) ? alone : waiting, { attempts: 3 });
    if (outcome.kind === 'conflict') return void open.delete(asked);
    const { history } = this.#known;
    this.#expect(this.#known.acknowledge(asked, outcome.revision));
    if (history.revision < outcome.revision) return;
    const expected = seenIn(history.at(outcome.revision - 1), key, bounds);
    if (outcome.value !== expected)
      this.#world.fail(`revision ${outcome.revision} saw ${outcome.value}, and before it there was ${expected}`);
  }

  /** All that can be read. Writes that are acknowledged at this moment wait for the next time. */
  #check(): void {
    const { history } = this.#known;
    if (history.revision === Math.max(0, this.#tree.revision))
      this.#expect(difference(this.#world, viewOf(this.#tree), history.at(history.revision)));
    for (const snapshot of this.#snapshots) {
      if (snapshot.revision > history.revision) continue;
      const found = difference(this.#world, viewOf(snapshot), history.at(snapshot.revision));
      if (found !== null) this.#world.fail(`in a snapshot of revision ${snapshot.revision} ${found}`);
    }
    this.#expect(wrongInManifest(this.#env.disk, tables, false));
  }

  #scan(): void {
    const { random } = this.#world;
    const { history } = this.#known;
    const snapshot = random.chance(0.5) ? random.pick([...this.#snapshots, undefined]) : undefined;
    const revision = snapshot?.revision ?? this.#tree.revision;
    if (revision > history.revision) return;
    const [reverse, bounds] = [random.chance(0.5), randomBounds(this.#world)];
    const pairs = pairsOf(history.at(revision), bounds);
    const scan = (snapshot ?? this.#tree).scan(scanOptions(bounds, reverse));
    this.#scans.push({ scan, left: [...(reverse ? pairs.toReversed() : pairs)] });
  }

  #walkOn(): void {
    const { random } = this.#world;
    const one = random.pick([...this.#scans, null]);
    if (one === null) return;
    for (let steps = random.below(20); steps > 0; steps--) {
      const next = one.scan.next();
      const expected = one.left.shift();
      if (next.done === true) {
        if (expected !== undefined) this.#world.fail(`a scan that was held open ends before ${expected[0]}`);
        this.#scans.splice(this.#scans.indexOf(one), 1);
        return;
      }
      const found = differs(expected, ...next.value);
      if (found !== null) this.#world.fail(`a scan that was held open ${found}`);
    }
  }

  #expect(wrong: string | null): void {
    if (wrong !== null) this.#world.fail(wrong);
  }
}

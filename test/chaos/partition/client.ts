/** A client of a chaos of partitions: it finds who leads, and sends again by id what it does not know of. */
import { isLockstepError, type Env, type NodeAddress } from 'lockstep/env';
import type { SeededRandom } from '../../../src/kernel/random.ts';
import { call, type Plain } from '../../../src/sim/cluster/calls.ts';
import type { NodeAnswer, NodeRequest, Work } from './requests.ts';
import type { Fate, Witness } from './witness.ts';

export interface NodePlace {
  readonly name: string;
  /** The way to it, which may be hurt. */
  readonly address: NodeAddress;
}

export interface ClientSetup {
  readonly env: Env;
  readonly name: string;
  readonly nodes: readonly NodePlace[];
  readonly random: SeededRandom;
  readonly witness: Witness;
}

export interface Told {
  readonly fate: Fate;
  /** Null when nobody knows. */
  readonly answer: NodeAnswer | null;
}

/** Of one attempt, and of a request with all its attempts; then nobody knows. */
const attemptMs = 1_200;
const requestMs = 8_000;
const settled: readonly NodeAnswer['kind'][] = ['done', 'seen', 'page', 'digest', 'rejected', 'expired', 'status'];

export class Client {
  readonly name: string;
  readonly random: SeededRandom;
  readonly witness: Witness;
  readonly env: Env;
  readonly #nodes: readonly NodePlace[];
  #at = 0;

  constructor({ env, name, nodes, random, witness }: ClientSetup) {
    this.env = env;
    this.name = name;
    this.random = random;
    this.witness = witness;
    this.#nodes = nodes;
  }

  /** One command with an id of its own, sent until somebody says what became of it. */
  async command(place: string, work: Work): Promise<Told> {
    const id = this.env.newId();
    const told = await this.ask({ kind: 'command', place, id, work });
    this.witness.fate(id, told.fate);
    return told;
  }

  /** One after the other until one answers; `anywhere`: whoever is drawn will do, whether it leads or not. */
  async ask(request: NodeRequest, { anywhere = false }: { readonly anywhere?: boolean } = {}): Promise<Told> {
    let inDoubt = false;
    if (anywhere) this.#at = this.random.below(this.#nodes.length);
    const untilMs = performance.now() + requestMs;
    do {
      const answer = await this.askAt(this.#at, request);
      if (answer !== null && settled.includes(answer.kind)) return { fate: fateOf(answer, inDoubt), answer };
      inDoubt ||= answer === null || answer.kind === 'unknown';
      this.#at = this.#next(answer);
      await this.env.sleep(`${10 + this.random.below(80)}ms`);
    } while (performance.now() < untilMs);
    return { fate: inDoubt ? 'unknown' : 'denied', answer: null };
  }

  /** Null: nobody knows. */
  async askAt(at: number, request: NodeRequest): Promise<NodeAnswer | null> {
    const node = this.#nodes[at];
    if (node === undefined) throw new Error('there is such a node');
    try {
      return (await call(this.env, node.address, request as unknown as Plain, attemptMs)) as unknown as NodeAnswer;
    } catch (error) {
      if (isLockstepError(error, 'unavailable')) return { kind: 'unavailable' };
      if (isLockstepError(error, 'unknown')) return null;
      throw error;
    }
  }

  async pause(msMax: number): Promise<void> {
    await this.env.sleep(`${this.random.below(msMax)}ms`);
  }

  #next(answer: NodeAnswer | null): number {
    const leader = answer?.kind === 'not-leader' ? answer.leader : null;
    const named = this.#nodes.findIndex(({ name }) => name === leader);
    // Who is named may be down: now and then another is asked.
    if (named >= 0 && this.random.chance(0.7)) return named;
    return (this.#at + 1) % this.#nodes.length;
  }
}

/** A no that is told after an attempt of which nobody knows says nothing about that one, which may still arrive. */
function fateOf(answer: NodeAnswer, inDoubt: boolean): Fate {
  if (answer.kind === 'done' || answer.kind === 'seen') return 'acknowledged';
  return inDoubt ? 'unknown' : 'denied';
}

/** Clients of the scenario `partition`: they send again by id what they do not know of, and note all that they were told. */
import { recorder, type KeyValueCall, type Recorder, type Value } from 'lockstep/check';
import type { Env } from 'lockstep/env';
import { isLockstepError } from 'lockstep/env';
import type { World } from 'lockstep/sim';
import { call } from '../../../src/sim/cluster/calls.ts';
import type { Contender } from './contenders.ts';
import {
  places,
  type ContenderWitness,
  type PartitionAnswer,
  type PartitionRequest,
  type ReadHow,
  type WriteCall,
} from './partition-process.ts';

export class PartitionWitness implements ContenderWitness {
  readonly notes: Recorder<KeyValueCall, Value> = recorder<KeyValueCall, Value>();
  readonly #world: World;
  /** By place, when it was told that this version is there. */
  readonly #told = new Map<string, { readonly version: number; readonly ms: number }[]>();
  readonly counts: Map<string, number> = new Map();
  token = '';
  broken: string | null = null;
  enough = false;
  #values = 0;
  #names = 0;

  constructor(world: World) {
    this.#world = world;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  countOf(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  newValue(): number {
    return ++this.#values;
  }

  newName(): string {
    return `client-${++this.#names}`;
  }

  written(place: string, version: number, token: string): void {
    this.count('written');
    this.token = token;
    this.#told.set(place, [...(this.#told.get(place) ?? []), { version, ms: this.#world.nowMs }]);
  }

  /** The newest version that anybody was told of before that moment. */
  versionBefore(place: string, ms: number): number {
    const told = (this.#told.get(place) ?? []).filter((one) => one.ms <= ms);
    return Math.max(0, ...told.map(({ version }) => version));
  }
}

const attemptsMax = 8;

interface Asked {
  readonly answer: PartitionAnswer | null;
  /** An earlier attempt may have had its effect, or may still have it. */
  readonly inDoubt: boolean;
}

export class PartitionClient {
  readonly #world: World;
  readonly #env: Env;
  readonly #witness: PartitionWitness;
  readonly #contenders: readonly Contender[];
  #name: string;
  #at = 0;
  /** Of each place, the value that this client saw last. */
  readonly #last = new Map<string, number | null>();
  readonly #tokens = new Map<string, { readonly token: string; readonly version: number }>();

  constructor(world: World, env: Env, witness: PartitionWitness, contenders: readonly Contender[]) {
    this.#world = world;
    this.#env = env;
    this.#witness = witness;
    this.#contenders = contenders;
    this.#name = witness.newName();
  }

  async work(operationsMax: number): Promise<void> {
    for (let count = 0; count < operationsMax || !this.#witness.enough; count++) {
      await this.#one();
      const isPatient = count >= operationsMax;
      await this.#env.sleep(`${Math.floor(this.#env.random() * (isPatient ? 400 : 50))}ms`);
    }
  }

  async #one(): Promise<void> {
    const { randomness } = this.#env;
    const place = places[randomness.below(places.length)] ?? 'ant';
    const drawn = this.#env.random();
    if (drawn < 0.35) return this.#write(place, { kind: 'put', value: this.#witness.newValue() });
    const from = this.#last.get(place) ?? null;
    if (drawn < 0.65) return this.#write(place, { kind: 'cas', from, to: this.#witness.newValue() });
    if (drawn < 0.85) return this.#get(place, { kind: drawn < 0.75 ? 'linearizable' : 'transact' });
    const known = this.#tokens.get(place);
    if (drawn < 0.93 && known !== undefined) return this.#getAtLeast(place, known);
    return this.#getStale(place, randomness.below(3) * 200);
  }

  async #write(place: string, change: WriteCall): Promise<void> {
    const pending = this.#witness.notes.invoke(this.#name, { ...change, key: place });
    const { answer, inDoubt } = await this.#ask({ kind: 'write', place, call: change, id: this.#env.newId() }, true);
    if (answer?.kind === 'written') {
      this.#witness.written(place, answer.version, answer.token);
      this.#last.set(place, change.kind === 'put' ? change.value : change.to);
      this.#tokens.set(place, answer);
      return pending.ok(change.kind === 'put' ? null : true);
    }
    this.#last.delete(place);
    this.#witness.count(answer?.kind ?? 'no answer');
    if (inDoubt) {
      pending.info();
      this.#name = this.#witness.newName();
    } else if (answer?.kind === 'rejected') pending.ok(false);
    else pending.fail();
  }

  async #get(place: string, how: ReadHow): Promise<void> {
    const pending = this.#witness.notes.invoke(this.#name, { kind: 'get', key: place });
    const { answer } = await this.#ask({ kind: 'read', place, how }, true);
    if (answer?.kind !== 'value') return pending.fail();
    this.#witness.count(how.kind);
    this.#last.set(place, answer.value);
    pending.ok(answer.value);
  }

  /** At any contender: what this client was told is there. */
  async #getAtLeast(place: string, { token, version }: { readonly token: string; readonly version: number }) {
    const { answer } = await this.#ask({ kind: 'read', place, how: { kind: 'at-least', token } }, false);
    if (answer?.kind !== 'value') return;
    this.#witness.count('at-least');
    if (answer.version < version)
      this.#world.fail(`a read of ${place} with the token of version ${version} shows version ${answer.version}`);
  }

  /** At any contender: what anybody was told longer ago is there. Clocks may be a tenth off. */
  async #getStale(place: string, msMax: number): Promise<void> {
    const expected = this.#witness.versionBefore(place, this.#world.nowMs - msMax * 1.1);
    const { answer } = await this.#ask({ kind: 'read', place, how: { kind: 'stale', msMax } }, false);
    if (answer?.kind !== 'value') return;
    this.#witness.count('stale');
    if (answer.version < expected)
      this.#world.fail(`a read of ${place} at most ${msMax} ms old shows version ${answer.version}, not ${expected}`);
  }

  /** One after the other until one answers; `seeks`: the leader alone will do. */
  async #ask(request: PartitionRequest, seeks: boolean): Promise<Asked> {
    let inDoubt = false;
    let answer: PartitionAnswer | null = null;
    if (!seeks) this.#at = this.#env.randomness.below(this.#contenders.length);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      answer = await this.#askOnce(this.#contenders[this.#at], request);
      if (answer === null || answer.kind === 'unknown') {
        inDoubt = true;
        answer = null;
      } else if (['written', 'value', 'dump', 'scrubbed', 'rejected', 'expired'].includes(answer.kind)) break;
      this.#at = this.#nextAt(answer);
      await this.#env.sleep(`${20 + Math.floor(this.#env.random() * 150)}ms`);
    }
    return { answer, inDoubt };
  }

  #nextAt(answer: PartitionAnswer | null): number {
    const leader = answer?.kind === 'not-leader' ? answer.leader : null;
    const named = this.#contenders.findIndex(({ name }) => name === leader);
    // Who is named may be down: now and then another is asked.
    if (named >= 0 && this.#env.random() < 0.7) return named;
    return (this.#at + 1) % this.#contenders.length;
  }

  /** Null: nobody knows. */
  async #askOnce(contender: Contender | undefined, request: PartitionRequest): Promise<PartitionAnswer | null> {
    if (contender === undefined) throw new Error('there is one');
    try {
      return (await call(this.#env, contender.address, { ...request }, 600)) as PartitionAnswer;
    } catch (error) {
      if (isLockstepError(error, 'unavailable')) return { kind: 'unavailable' };
      if (isLockstepError(error, 'unknown')) return null;
      throw error;
    }
  }

  /** The revision at which whoever leads hashed its state: all others must come to the same. */
  async scrub(): Promise<number> {
    for (;;) {
      const { answer } = await this.#ask({ kind: 'scrub' }, true);
      if (answer?.kind === 'scrubbed') return answer.revision;
    }
  }

  /** All that a contender has, once it has what the token says. */
  async dump(contender: Contender, token: string): Promise<Extract<PartitionAnswer, { readonly kind: 'dump' }>> {
    for (;;) {
      const answer = await this.#askOnce(contender, { kind: 'dump', atLeast: token });
      if (answer?.kind === 'dump') return answer;
      await this.#env.sleep('50ms');
    }
  }
}

/**
 * What becomes of projections, told and seen to: how far each of them is on each partition, why it goes no further, and how
 * it goes on: its event tried once more, or passed over.
 */
import { LockstepError } from '../../kernel/errors.ts';
import type { Partitions } from '../../partition/partitions.ts';
import type { Reader, Transaction } from '../../partition/transaction.ts';
import { again, deliver, type Again, type DeliveryPorts } from '../delivery.ts';
import { orderSystem } from '../event-row.ts';
import { readOrder } from '../event-reader.ts';
import { newestEvent } from './catch-up.ts';
import { percentOf } from './progress.ts';
import type { AnyProjection } from './projection.ts';
import {
  answeringState,
  changeState,
  idOf,
  projectionsSystem,
  projectionsTopic,
  stateOf,
  type EventPlace,
  type ProjectionState,
  type Stopped,
  isSameEvent,
} from './state.ts';

/** One projection on one partition. */
export interface ProjectionStatus {
  readonly name: string;
  readonly partition: number;
  /** Of this node's code. */
  readonly codeVersion: number;
  readonly update: 'inline' | 'async';
  /**
   * `absent`: no node with its code has led yet; `building`: its rows do not answer yet; `live`: they do, as far as they
   * are; `stopped`: they do if they ever did, and go no further.
   */
  readonly kind: 'absent' | 'building' | 'live' | 'stopped';
  /** Whose rows answer queries; null: none do yet. */
  readonly answers: number | null;
  /** How far its rows are among the partition's revisions, how far events are, and the same in per cent, rounded down. */
  readonly progress: { readonly revision: number; readonly ofRevision: number; readonly percent: number };
  /** Commands whose events its rows do not have, counted up to 10,000, and for how long the first of them has waited. */
  readonly lag: { readonly commands: number; readonly ms: number };
  readonly error: { readonly message: string; readonly event: EventPlace; readonly since: Date } | null;
}

/** So many are counted at most. */
const lagMax = 10_000;

export function statusOf(
  reader: Reader,
  projection: AnyProjection,
  { partition, nowMs }: { readonly partition: number; readonly nowMs: number },
): ProjectionStatus {
  const space = reader.system(projectionsSystem, null);
  const id = idOf(projection);
  const state = stateOf(space, id);
  const newest = newestEvent(reader);
  const revision = state === null ? 0 : (state.position ?? newest);
  return {
    ...id,
    partition,
    update: projection['~projection'].update,
    kind: state === null ? 'absent' : state.stopped === null ? state.phase : 'stopped',
    answers: answeringState(space, id)?.codeVersion ?? null,
    progress: { revision, ofRevision: newest, percent: percentOf(revision, newest) },
    lag: lagOf(reader, revision, nowMs),
    error: errorOf(state?.stopped ?? null),
  };
}

function lagOf(reader: Reader, revision: number, nowMs: number): ProjectionStatus['lag'] {
  const [next] = readOrder(reader, revision, 1);
  if (next === undefined) return { commands: 0, ms: 0 };
  let commands = 0;
  for (const _ of reader.system(orderSystem, null).range({ from: [revision + 1], limit: lagMax })) commands++;
  return { commands, ms: Math.max(0, nowMs - (next.events[0]?.at.getTime() ?? nowMs)) };
}

const errorOf = (stopped: Stopped | null): ProjectionStatus['error'] =>
  stopped === null ? null : { message: stopped.error, event: stopped.event, since: new Date(stopped.sinceMs) };

export interface ProjectionsSetup extends DeliveryPorts {
  readonly partitions: Partitions;
  readonly projections: readonly AnyProjection[];
}

const withinMs = 30_000;

export class Projections {
  readonly #setup: ProjectionsSetup;

  constructor(setup: ProjectionsSetup) {
    this.#setup = setup;
  }

  /** Of all partitions, as this node knows them. @throws LockstepError `unavailable` after 30 s; `stopped`. */
  async status(): Promise<readonly ProjectionStatus[]> {
    const { partitions, projections, ports } = this.#setup;
    const found = partitions.map.partitions.map(async (partition) => {
      const values = { partition };
      const about = { what: 'status', key: `partition ${partition}`, values, withinMs, signal: undefined };
      return deliver(this.#setup, about, async (leftMs): Promise<Found | Again> => {
        const outcome = await partitions.at(partition).read({ staleMsMax: 0 }, { withinMs: leftMs });
        if (outcome.kind !== 'snapshot') return again(outcome, values);
        using snapshot = outcome;
        const nowMs = ports.clock.wall();
        return { kind: 'found', all: projections.map((one) => statusOf(snapshot, one, { partition, nowMs })) };
      });
    });
    return (await Promise.all(found)).flatMap(({ all }) => all);
  }

  /**
   * Tries the event once more that it stopped at, on each partition; those where it did are told.
   * @throws LockstepError `misuse` for a projection that the app does not have; `unavailable`, `unknown`; `stopped`.
   */
  retry(name: string): Promise<readonly number[]> {
    return this.#goOn(name, undefined, (state, stopped) => ({ ...state, stopped }));
  }

  /**
   * The same without that event: its rows never have it. The others of its command they have. `only`: where it stopped at
   * this very event, so that asked twice it leaves out no other. Default: at whichever it stopped, on each partition.
   */
  skip(name: string, only?: EventPlace): Promise<readonly number[]> {
    return this.#goOn(name, only, (state, stopped) => ({ ...state, stopped, skips: [...state.skips, stopped.event] }));
  }

  async #goOn(
    name: string,
    only: EventPlace | undefined,
    change: (state: ProjectionState, stopped: Stopped) => ProjectionState,
  ): Promise<readonly number[]> {
    const { partitions, projections } = this.#setup;
    const projection = projections.find((one) => one.name === name);
    if (projection === undefined)
      throw new LockstepError('misuse', 'the app has no such projection', { values: { projection: name } });
    const id = idOf(projection);
    const goOn = (tx: Transaction): boolean => {
      const stopped = stateOf(tx.system(projectionsSystem, 'local'), id)?.stopped ?? null;
      if (stopped === null || (only !== undefined && !isSameEvent(stopped.event, only))) return false;
      changeState(tx, id, (state) => change(state, { ...stopped, isDue: true }));
      tx.note(projectionsTopic, null);
      return true;
    };
    const asked = partitions.map.partitions.map(async (partition) => {
      const values = { projection: name, partition };
      const about = { what: 'projection', key: name, values, withinMs, signal: undefined };
      const { did } = await deliver(this.#setup, about, async (leftMs): Promise<Done | Again> => {
        const outcome = await partitions.at(partition).transact(null, goOn, { withinMs: leftMs });
        if (outcome.kind === 'committed') return { kind: 'done', did: outcome.value };
        if (outcome.kind === 'not-leader' || outcome.kind === 'refused') return again(outcome, values);
        throw new LockstepError('unavailable', 'this was not decided', { values: { ...values, kind: outcome.kind } });
      });
      return did ? [partition] : [];
    });
    return (await Promise.all(asked)).flat();
  }
}

interface Found {
  readonly kind: 'found';
  readonly all: readonly ProjectionStatus[];
}

interface Done {
  readonly kind: 'done';
  readonly did: boolean;
}

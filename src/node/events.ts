/**
 * The event store of a node: events as they come about, of one stream, one machine or all of them, over one partition or
 * several; and bounded reads of one stream. Whoever follows is read for when it asks for more, so a slow one holds little.
 */
import type { Env } from '../env/env.ts';
import { LockstepError } from '../kernel/errors.ts';
import type {
  FollowOptions,
  Recorded,
  RecordedOf,
  StreamOptions,
  StreamSlice,
  TaggedEvents,
  TaggedOptions,
} from '../machine/connection.ts';
import type { AnyMachine, EventsOf } from '../machine/definition.ts';
import { again, deliver } from '../machine/delivery.ts';
import {
  newestVersion,
  readRow,
  readStreamFrom,
  recordedOf,
  revisionIn,
  revisionOf,
  tokenAt,
  tokensBeside,
} from '../machine/event-reader.ts';
import { lastVersionOf, type EventRow } from '../machine/event-row.ts';
import { inTimeOrder, type MergedRows } from '../machine/merged-order.ts';
import { RowSource, type EventFilter } from '../machine/row-source.ts';
import { checkType, checkTypes, rowsTagged, tagsSystem } from '../machine/tags.ts';
import { checkKey, checkPart, type MachineRuntime } from '../machine/runtime.ts';
import { subscribe } from '../machine/subscription.ts';
import type { Waits } from '../observe/waits.ts';
import type { Partition } from '../partition/partition.ts';
import type { Partitions } from '../partition/partitions.ts';
import type { Snapshot } from '../partition/snapshot.ts';
import { joinTokens, tokensIn } from '../partition/token.ts';
import type { Token } from '../partition/transaction.ts';
import { placeOf } from '../ring/slot.ts';
import { Ending } from './ending.ts';
import { merged } from './merge.ts';

export interface EventStoreSetup {
  readonly env: Env;
  readonly waits: Waits;
  readonly partitions: Partitions;
  readonly runtime: MachineRuntime;
  /** Ends all that follow, with its reason. */
  readonly closing: AbortSignal;
}

/** Which events are followed, and how. */
export interface Followed {
  readonly machines: readonly AnyMachine[];
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
  readonly types?: readonly PropertyKey[] | undefined;
  readonly after: Token | 'start' | 'now';
  readonly order: 'partition' | 'time';
  readonly signal: AbortSignal | undefined;
}

/** One command's events that fit, and where to read on once all of them were taken. */
export interface FollowedRow {
  readonly row: EventRow;
  readonly token: Token;
  readonly events: readonly Recorded<AnyMachine>[];
}

const withinMs = 30_000;
const limitDefault = 1_000;
const limitMax = 10_000;

export class EventStore {
  readonly #setup: EventStoreSetup;

  constructor(setup: EventStoreSetup) {
    this.#setup = setup;
  }

  /** As `LockstepNode.events`. */
  async *events<M extends AnyMachine, T extends keyof EventsOf<M>>(
    machine: M,
    { key, after = 'start', order = 'partition', ...rest }: FollowOptions<T> & { readonly key?: string | undefined },
  ): AsyncGenerator<Recorded<M, T>, void, undefined> {
    const { prefix, types, signal } = rest;
    for await (const { events } of this.follow({ machines: [machine], key, prefix, types, after, order, signal }))
      yield* events as unknown as readonly Recorded<M, T>[]; // of this machine alone
  }

  /** As `LockstepNode.allEvents`. */
  async *allEvents<M extends AnyMachine>(
    machines: readonly M[] | undefined,
    { after = 'start', order = 'partition', prefix, types, signal }: FollowOptions<string>,
  ): AsyncGenerator<RecordedOf<M>, void, undefined> {
    const all = machines ?? [...this.#setup.runtime.machines.values()];
    for await (const { events } of this.follow({ machines: all, prefix, types, after, order, signal }))
      yield* events as unknown as readonly RecordedOf<M>[]; // of these machines alone
  }

  /** As `LockstepNode.readStream`. */
  async readStream<M extends AnyMachine>(
    machine: M,
    key: string,
    { fromVersion, reverse = false, limit = limitDefault, after }: StreamOptions,
  ): Promise<StreamSlice<M>> {
    const { env, waits, partitions, runtime } = this.#setup;
    checkPart(runtime, machine);
    checkKey(key);
    checkCount('limit', limit, limitMax);
    if (fromVersion !== undefined) checkCount('fromVersion', fromVersion, Number.MAX_SAFE_INTEGER - 1);
    const values = { machine: machine.name, key };
    const about = { what: 'read', key, values, withinMs, signal: undefined };
    const consistency = after === undefined ? 'linearizable' : { atLeast: after };
    const first = fromVersion ?? (reverse ? Number.MAX_SAFE_INTEGER - 1 : 1);
    const found = await deliver({ ports: env, waits }, about, async (leftMs) => {
      const outcome = await partitions.read(key, consistency, { withinMs: leftMs });
      if (outcome.kind !== 'snapshot') return again(outcome, values);
      using snapshot = outcome;
      return { kind: 'found', ...sliceOf(snapshot, machine, key, { fromVersion: first, reverse, limit }) } as const;
    });
    return { events: found.events, version: found.version, token: found.token };
  }

  /** As `LockstepNode.readTagged`. */
  async readTagged(place: string, { queries, after }: TaggedOptions): Promise<TaggedEvents> {
    const { env, waits, partitions, runtime } = this.#setup;
    checkKey(place);
    checkTypes(runtime.machines, queries);
    const values = { place };
    const about = { what: 'read', key: place, values, withinMs, signal: undefined };
    const found = await deliver({ ports: env, waits }, about, async (leftMs) => {
      if (after !== undefined) {
        const checked = await partitions.read(place, { atLeast: after }, { withinMs: leftMs });
        if (checked.kind !== 'snapshot') return again(checked, values);
        checked[Symbol.dispose]();
      }
      const outcome = await partitions.read(place, 'linearizable', { withinMs: leftMs });
      if (outcome.kind !== 'snapshot') return again(outcome, values);
      using snapshot = outcome;
      const { token } = snapshot;
      const events: RecordedOf<AnyMachine>[] = [];
      const since = after === undefined ? 0 : revisionIn(after, token);
      const { rows, upTo } = rowsTagged(snapshot.system(tagsSystem, placeOf(place)), queries, since);
      for (const { revision, ...at } of rows) {
        const machine = runtime.machines.get(at.machine);
        if (machine === undefined) continue;
        const recorded = recordedOf(machine, readRow(snapshot, at), tokenAt(token, revision));
        for (const { offset } of at.events) events.push(...recorded.slice(offset, offset + 1));
      }
      return {
        kind: 'found',
        events,
        token: upTo === null ? token : tokenAt(token, upTo),
        isAll: upTo === null,
      } as const;
    });
    return { events: found.events, token: found.token, isAll: found.isAll };
  }

  /**
   * Rows as they come, each with its events that fit.
   * @throws LockstepError `misuse` for a token that does not name all partitions that are followed; as `subscribe`.
   */
  async *follow(followed: Followed): AsyncGenerator<FollowedRow, void, undefined> {
    const { partitions, runtime, closing } = this.#setup;
    const { machines, key, types, signal } = followed;
    const takes = types === undefined ? undefined : (type: string): boolean => types.includes(type);
    for (const machine of machines) checkPart(runtime, machine);
    checkFollowed(followed);
    const indexes = key === undefined ? [...partitions.map.partitions] : [partitions.indexOf(key)];
    using ending = new Ending(closing, signal);
    const all = indexes.map((index) => partitions.at(index));
    for await (const { row, token } of this.#rows(all, followed, ending)) {
      const machine = runtime.machines.get(row.machine);
      if (machine === undefined) continue; // none such: rows of other machines do not fit
      yield { row, token, events: recordedOf(machine, row, token, takes) };
    }
  }

  async *#rows(
    all: readonly Partition[],
    followed: Followed,
    ending: Ending,
  ): AsyncGenerator<{ readonly row: EventRow; readonly token: Token }, void, undefined> {
    const { env, waits } = this.#setup;
    const { after, order } = followed;
    const { signal } = ending;
    const filter = filterOf(followed);
    const [only] = all;
    if (only !== undefined && all.length === 1) {
      for await (const { rows, token } of subscribe(env, only, { ...filter, from: after, signal }))
        for (const row of rows) yield { row, token: tokenAt(token, row.revision) };
      return;
    }
    const starts = await this.#starts(all, after, signal);
    const runs = all.map((partition, index) => ({ partition, from: starts[index] as Token })); // one for each
    const sources =
      order === 'time'
        ? inTimeOrder({ ports: env, waits, signal }, runs, filter)
        : asTheyCome(env, runs, { ...filter, ending });
    const at = [...starts];
    for await (const { index, rows } of sources)
      for (const row of rows) {
        at[index] = tokenAt(at[index] as Token, row.revision);
        yield { row, token: joinTokens(at) };
      }
  }

  /** As `Connection['~begin']`. */
  async begin(
    after: Token | 'now',
    { of, again }: { readonly of: string | null; readonly again: string | null },
    signal: AbortSignal,
  ): Promise<Token> {
    const { partitions } = this.#setup;
    const indexes = of === null ? [...partitions.map.partitions] : [partitions.indexOf(of)];
    const starts = await this.#starts(
      indexes.map((index) => partitions.at(index)),
      after,
      signal,
    );
    const at = again === null ? -1 : indexes.indexOf(partitions.indexOf(again));
    return joinTokens(
      starts.map((token, index) => (index === at ? tokenAt(token, Math.max(0, revisionOf(token) - 1)) : token)),
    );
  }

  /** Where each of them is begun after: tokens of the partitions as they are, so that what is joined of them is good. */
  async #starts(all: readonly Partition[], after: Followed['after'], signal: AbortSignal): Promise<Token[]> {
    if (after !== 'start' && after !== 'now' && tokensIn(after).length < all.length)
      throw new LockstepError('misuse', 'a token is of one partition: say which key, or go on from that of an event', {
        values: { partitions: all.length },
        advice: ['what `events` without a key and `allEvents` give have tokens of all partitions'],
      });
    const { env } = this.#setup;
    return Promise.all(all.map((partition) => new RowSource(env, partition, { from: after }).start(signal)));
  }
}

/** Of as many events, from a version on, in the direction that is asked for. */
function sliceOf<M extends AnyMachine>(
  snapshot: Snapshot,
  machine: M,
  key: string,
  asked: { readonly fromVersion: number; readonly reverse: boolean; readonly limit: number },
): StreamSlice<M> {
  const { fromVersion, reverse, limit } = asked;
  const { token } = snapshot;
  const tokenOf = tokensBeside(token);
  const events: Recorded<M>[] = [];
  let newest: number | null = null;
  for (const row of readStreamFrom(snapshot, machine.name, key, { fromVersion, reverse })) {
    const recorded = recordedOf(machine, row, tokenOf(row.revision));
    if (reverse) recorded.reverse();
    for (const event of recorded)
      if (reverse ? event.version <= fromVersion : event.version >= fromVersion) events.push(event);
    newest = lastVersionOf(row); // the last row's, unless the loop is left
    if (events.length >= limit) break;
  }
  const isAll = !reverse && newest !== null && events.length < limit;
  const version = isAll && newest !== null ? newest : newestVersion(snapshot, machine.name, key);
  return { events: events.slice(0, limit), version, token };
}

function filterOf({ machines, key, prefix, types }: Followed): EventFilter {
  const names = machines.map(({ name }) => name);
  const which = names.length === 1 ? { machine: names[0] } : { machines: names };
  return { ...which, key, prefix, types: types?.map(String) };
}

/** Each partition's in its order, whichever has some. */
function asTheyCome(
  env: Env,
  runs: readonly { readonly partition: Partition; readonly from: Token }[],
  { ending, ...filter }: EventFilter & { readonly ending: Ending },
): AsyncGenerator<MergedRows, void, undefined> {
  const { signal } = ending;
  const sources = runs.map(async function* ({ partition, from }, index): AsyncGenerator<MergedRows, void, undefined> {
    for await (const { rows } of subscribe(env, partition, { ...filter, from, signal })) yield { index, rows };
  });
  return merged(sources, () => ending.end(new LockstepError('stopped', 'nobody reads these events any more')));
}

/** What would give nothing for ever is no way to follow. */
function checkFollowed({ machines, types, order }: Followed): void {
  if (machines.length === 0) throw new LockstepError('misuse', 'events are of at least one machine');
  if (types?.length === 0)
    throw new LockstepError('misuse', 'events are of at least one type: leave `types` out for all');
  for (const type of types ?? []) checkType(machines, String(type));
  if (order === 'partition' || order === 'time') return;
  throw new LockstepError('misuse', "events come in the order `'partition'` or `'time'`", {
    values: { order: String(order) },
  });
}

function checkCount(name: string, count: number, max: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= max) return;
  throw new LockstepError('misuse', `${name} is a whole number from 1 to ${max}`, { values: { [name]: count } });
}

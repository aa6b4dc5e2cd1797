/**
 * Tags of events, and appends on a condition over them: what is asked for happens only if no newer event has these tags
 * ("dynamic consistency boundary", https://dcb.events). So a rule may span the streams of a place without one stream for all.
 *
 *     place  machine-tags  [tag, revision]  → [machine, key, firstVersion, [[offset, type, tag, …], …]]
 *
 * An entry is of those of one command's events that have the tag, each with its place among them and all of its tags. Tags are
 * of when the event was stored.
 */
import type { StoredValue } from '../bytes/value-format.ts';
import { LockstepError } from '../kernel/errors.ts';
import { revisionHere } from '../partition/token-here.ts';
import type { ReadSpace, Rejection, Transaction } from '../partition/transaction.ts';
import type { AnyMachine, EventQuery, NoneSince } from './definition.ts';
import type { EventRow, RowPlace } from './event-row.ts';

export const tagsSystem = 'machine-tags';

/** An event that has come since. */
export interface FoundEvent {
  readonly machine: string;
  readonly key: string;
  readonly type: string;
}

/** The condition does not hold: the transaction is refused. */
export type Overtaken = Rejection<'overtaken', { readonly event: FoundEvent }>;

interface TaggedEvent {
  /** From 0, among the events of its command. */
  readonly offset: number;
  readonly type: string;
  readonly tags: readonly string[];
}

interface TaggedRow extends RowPlace {
  readonly revision: number;
  readonly events: readonly TaggedEvent[];
}

export const tagLimits: Readonly<{ tagsMax: number; tagUnitsMax: number; queriesMax: number; rowsMax: number }> =
  Object.freeze({
    /** Of one event, and of one query. */
    tagsMax: 20,
    tagUnitsMax: 200,
    queriesMax: 20,
    /** Commands' entries that one query looks through, in one page or one condition. */
    rowsMax: 10_000,
  });

/** Part of the transaction that stores the events. @throws LockstepError `misuse` for tags that are none; what `tags` throws. */
export function indexTags(tx: Transaction, machine: AnyMachine, row: EventRow): void {
  const { tagsOf } = machine['~machine'];
  if (tagsOf === null) return;
  const byTag = new Map<string, StoredValue[]>();
  for (const [offset, event] of row.events.entries()) {
    const tags = tagsOf(event);
    checkTags(tags, { event: `${machine.name}.${event.type}` });
    for (const tag of new Set(tags)) {
      const tagged = byTag.get(tag) ?? [];
      tagged.push([offset, event.type, ...tags]);
      byTag.set(tag, tagged);
    }
  }
  if (byTag.size === 0) return;
  const space = tx.system(tagsSystem, 'place');
  for (const [tag, tagged] of byTag) space.set([tag, row.revision], [row.machine, row.key, row.firstVersion, tagged]);
}

/**
 * Null: the condition holds. Only events of the transaction's place are looked at.
 * @throws LockstepError `misuse` for a condition that is none; `invalid` for a token of another partition or of what is not
 * there yet, and when too many events came since.
 */
export function overtakenBy(tx: Transaction, { queries, after }: NoneSince): Overtaken | null {
  checkQueries(queries);
  const revision = after === 'start' ? 0 : revisionHere(tx, after);
  if (revision >= tx.revision)
    throw new LockstepError('invalid', 'this token names what is not there yet', {
      values: { tokenRevision: revision, revision: tx.revision - 1 },
    });
  const space = tx.system(tagsSystem, 'place');
  for (const query of queries)
    for (const { machine, key, events } of taggedRows(space, query, revision, onTooMany)) {
      const found = events.find((event) => fitsQuery(event, query));
      if (found === undefined) continue;
      const event = { machine, key, type: found.type };
      return { kind: 'rejected', code: 'overtaken', details: { event } };
    }
  return null;
}

/** A page of what queries find. */
export interface TaggedPage {
  /** In the order in which they came about, each once. */
  readonly rows: readonly TaggedRow[];
  /** The revision up to which it was looked; null: all there is. */
  readonly upTo: number | null;
}

/** Events of a place that one of the queries finds, by their rows. */
export function rowsTagged(space: ReadSpace, queries: readonly EventQuery[], after: number): TaggedPage {
  checkQueries(queries);
  const found = new Map<number, TaggedRow>();
  let upTo = Infinity;
  for (const query of queries) {
    const cut = (_tag: string, last: number): void => void (upTo = Math.min(upTo, last));
    for (const row of taggedRows(space, query, after, cut)) {
      const known = found.get(row.revision)?.events ?? [];
      const isNew = (event: TaggedEvent): boolean => known.every(({ offset }) => offset !== event.offset);
      const events = row.events.filter((event) => fitsQuery(event, query) && isNew(event));
      if (events.length > 0)
        found.set(row.revision, { ...row, events: [...known, ...events].toSorted((a, b) => a.offset - b.offset) });
    }
  }
  const rows = [...found.values()].filter(({ revision }) => revision <= upTo);
  return { rows: rows.toSorted((a, b) => a.revision - b.revision), upTo: upTo === Infinity ? null : upTo };
}

/** Those with the first of its tags, after a revision. `onCut` is told behind which revision there are more than `rowsMax`. */
function* taggedRows(
  space: ReadSpace,
  { tags: [tag = ''] }: EventQuery,
  after: number,
  onCut: (tag: string, last: number) => void,
): Iterable<TaggedRow> {
  let count = 0;
  let last = after;
  for (const [at, value] of space.range({ prefix: [tag], from: [tag, after + 1] })) {
    if (++count > tagLimits.rowsMax) return onCut(tag, last);
    last = Number(at[1]);
    yield decodeTagged(last, value);
  }
}

function onTooMany(tag: string): never {
  throw new LockstepError('invalid', 'too many events with this tag came since the token of this condition', {
    values: { tag, rowsMax: tagLimits.rowsMax },
    advice: ['read what came with `readTagged` until it `isAll`, and give its token; or name the narrowest tag first'],
  });
}

/** @throws LockstepError `misuse` for a type that no machine has: the condition would hold whatever comes. */
export function checkTypes(machines: ReadonlyMap<string, AnyMachine>, queries: readonly EventQuery[]): void {
  for (const { types = [] } of queries) for (const type of types) checkType(machines.values(), type);
}

export function checkType(machines: Iterable<AnyMachine>, type: string): void {
  const all = [...machines];
  if (all.some(({ '~machine': { events } }) => Object.hasOwn(events, type))) return;
  throw new LockstepError('misuse', 'no machine that is asked for has an event of this type', {
    values: { type: String(type), machines: all.map(({ name }) => name).join(', ') },
  });
}

const fitsQuery = ({ type, tags }: TaggedEvent, query: EventQuery): boolean =>
  query.tags.every((tag) => tags.includes(tag)) && (query.types?.includes(type) ?? true);

function decodeTagged(revision: number, value: StoredValue): TaggedRow {
  const [machine, key, firstVersion, events] = Array.isArray(value) ? value : [];
  if (
    typeof machine !== 'string' ||
    typeof key !== 'string' ||
    typeof firstVersion !== 'number' ||
    !Array.isArray(events)
  )
    throw unreadable();
  const tagged = events.map((event): TaggedEvent => {
    const [offset, type, ...tags] = Array.isArray(event) ? event : [];
    const areTags = tags.every((tag) => typeof tag === 'string');
    if (typeof offset !== 'number' || typeof type !== 'string' || !areTags) throw unreadable();
    return { offset, type, tags };
  });
  return { machine, key, firstVersion, revision, events: tagged };
}

const unreadable = (): LockstepError => new LockstepError('corrupt', 'an entry of tags is not what was written');

function checkQueries(queries: readonly EventQuery[]): void {
  const { queriesMax } = tagLimits;
  if (queries.length === 0 || queries.length > queriesMax)
    throw new LockstepError('misuse', `a condition has 1 to ${queriesMax} queries`, {
      values: { queries: queries.length },
    });
  for (const { tags } of queries) {
    if (tags.length === 0) throw new LockstepError('misuse', 'a query names at least one tag');
    checkTags(tags, {});
  }
}

function checkTags(tags: readonly string[], values: Readonly<Record<string, string>>): void {
  const { tagsMax, tagUnitsMax } = tagLimits;
  const isTag = (tag: unknown): boolean =>
    typeof tag === 'string' && tag.length > 0 && tag.length <= tagUnitsMax && tag.isWellFormed();
  if (Array.isArray(tags) && tags.length <= tagsMax && tags.every(isTag)) return;
  throw new LockstepError('misuse', `there are up to ${tagsMax} tags, each a text of 1 to ${tagUnitsMax} characters`, {
    values: { ...values, tags: tags.length },
  });
}
